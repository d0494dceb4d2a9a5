#ifndef RUNSD_PROTOS_ERROR_DETAILS_DESCRIPTOR_SET_H
#define RUNSD_PROTOS_ERROR_DETAILS_DESCRIPTOR_SET_H

#include "base/core/slice.h"

// google/rpc/error_details.proto with its imports, as a serialized
// google.protobuf.FileDescriptorSet that is compiled in. Lives as long as the
// process.
struct slice error_details_descriptor_set(void);

#endif
