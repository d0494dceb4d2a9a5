#ifndef RUNSD_PROTOS_SERVED_DESCRIPTOR_SET_H
#define RUNSD_PROTOS_SERVED_DESCRIPTOR_SET_H

#include "base/core/slice.h"

// Everything that runsd serves, health and reflection too, with its imports and with
// google.rpc's error details, as a serialized google.protobuf.FileDescriptorSet that is
// compiled in. Lives as long as the process.
struct slice served_descriptor_set(void);

#endif
