#ifndef RUNSD_CTL_MESSAGE_H
#define RUNSD_CTL_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"

// protobuf-c messages in an arena.

struct slice message_to_bytes(struct arena *a, const void *message);

// INTERNAL if the bytes are no message of that type.
const struct error *message_from_bytes(struct arena *a, const ProtobufCMessageDescriptor *type,
                                       struct slice bytes, void *ret_message_pointer);

#endif
