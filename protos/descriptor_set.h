#ifndef RUNSD_PROTOS_DESCRIPTOR_SET_H
#define RUNSD_PROTOS_DESCRIPTOR_SET_H

#include "base/core/slice.h"

// The product's own protos with their imports, as a serialized
// google.protobuf.FileDescriptorSet that is compiled in. Lives as long as the
// process.
struct slice runs_descriptor_set(void);

#endif
