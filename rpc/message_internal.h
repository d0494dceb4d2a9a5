#ifndef RUNSD_RPC_MESSAGE_INTERNAL_H
#define RUNSD_RPC_MESSAGE_INTERNAL_H

#include <grpc/grpc.h>

#include "base/core/slice.h"

// A received message in one piece.
struct rpc_message {
    struct slice bytes;
    grpc_byte_buffer *buffer; // what bytes are in,
    uint8_t *copy;            // or a copy; NULL if not
};

enum rpc_message_result {
    RPC_MESSAGE_OK,
    RPC_MESSAGE_TOO_LARGE, // more than max_bytes when decompressed
    RPC_MESSAGE_MALFORMED, // compressed, but not as it says
};

// Sets *ret to buffer's bytes: in place if they lie in one piece, else copied,
// decompressed if need be. We decompress ourselves because gRPC core would do it
// without a bound. buffer is taken over in any case; *ret is released with
// rpc_message_release, and is empty unless RPC_MESSAGE_OK is returned.
enum rpc_message_result rpc_message_take(grpc_byte_buffer *buffer, size_t max_bytes,
                                         struct rpc_message *ret);

// Sets *ret to a copy of the parts, joined.
void rpc_message_copy(const struct slice *parts, size_t count, struct rpc_message *ret);

// Releases the bytes and makes m empty.
void rpc_message_release(struct rpc_message *m);

#endif
