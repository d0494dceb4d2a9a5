#ifndef RUNSD_SERVER_DOMAIN_MESSAGE_GUARD_H
#define RUNSD_SERVER_DOMAIN_MESSAGE_GUARD_H

#include <protobuf-c/protobuf-c.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"

// Messages from outside, made safe before protobuf-c sees them: it neither bounds
// recursion nor checks UTF-8, and it cuts strings at a NUL.

enum { MESSAGE_DEEPEST = 100 };

// Checks bytes against type, then unpacks them into a: no part of the result must
// be freed. INVALID_ARGUMENT / MESSAGE_MALFORMED with a violation that names the
// field by its JSON path: malformed wire format, another wire type than the
// field's, text that is no UTF-8, NUL outside of free-form objects, messages nested deeper than
// MESSAGE_DEEPEST, a singular message field that occurs twice (protobuf would merge
// them), a oneof that is set twice (readers would see the last one, but the bytes of
// the others are stored too): else what was checked might not be what is stored. In free-form
// text MESSAGE_NUL stands for U+0000 (server/domain/message_nul.h).
const struct error *message_unpack(struct arena *a, const ProtobufCMessageDescriptor *type,
                                   struct slice bytes, ProtobufCMessage **ret_message);

// The bytes of a field of text, bytes or a message, of a message that message_unpack took;
// empty if the field is not there. Borrows from message.
struct slice message_field_bytes(struct slice message, uint32_t number);

// Serializes message into a.
struct slice message_pack(struct arena *a, const ProtobufCMessage *message);

#endif
