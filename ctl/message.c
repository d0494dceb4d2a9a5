#include "ctl/message.h"

static void *allocate(void *arena, size_t size) {
    return arena_alloc(arena, size);
}

static void ignore_free(void *arena, void *memory) {
    (void)arena;
    (void)memory;
}

struct slice message_to_bytes(struct arena *a, const void *message) {
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_alloc(a, size + 1);
    protobuf_c_message_pack(message, bytes);
    return slice_of(bytes, size);
}

const struct error *message_from_bytes(struct arena *a, const ProtobufCMessageDescriptor *type,
                                       struct slice bytes, void *ret_message_pointer) {
    ProtobufCAllocator allocator = {allocate, ignore_free, a};
    static const uint8_t none[1];
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, bytes.len,
                                                          bytes.data != NULL ? bytes.data : none);
    if (message == NULL) {
        return error_new(a, STATUS_INTERNAL, REASON_NONE, "the server's reply is no %s",
                         type->name);
    }
    *(ProtobufCMessage **)ret_message_pointer = message;
    return NULL;
}
