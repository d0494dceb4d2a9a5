#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"
#include "base/core/strbuf.h"
#include "rpc/message_internal.h"
#include "rpc/slice_internal.h"

enum {
    INFLATE_STEP_BYTES = 16 * 1024,
    ZLIB_OR_GZIP = 15 + 32, // inflateInit2: largest window; the header says which
};

// The bytes of a run of slices, one after another.
static uint8_t *joined(const grpc_slice_buffer *pieces) {
    uint8_t *copy = mem_alloc(pieces->length);
    uint8_t *end = copy;
    for (size_t i = 0; i < pieces->count; i++) {
        struct slice piece = rpc_slice_view(&pieces->slices[i]);
        if (piece.len > 0) {
            memcpy(end, piece.data, piece.len);
            end += piece.len;
        }
    }
    return copy;
}

// Decompresses one stream that fills pieces exactly.
static enum rpc_message_result inflate_pieces(const grpc_slice_buffer *pieces, size_t max_bytes,
                                              struct strbuf *out) {
    z_stream z = {0};
    CHECK(inflateInit2(&z, ZLIB_OR_GZIP) == Z_OK);
    CLEANUP_FREE uint8_t *in = joined(pieces);
    z.next_in = in;
    z.avail_in = (uInt)pieces->length; // gRPC's length prefix has 32 bits
    enum rpc_message_result result = RPC_MESSAGE_MALFORMED;
    for (;;) {
        strbuf_grow(out, INFLATE_STEP_BYTES);
        z.next_out = out->data + out->len;
        z.avail_out = INFLATE_STEP_BYTES;
        int r = inflate(&z, Z_NO_FLUSH);
        out->len += INFLATE_STEP_BYTES - z.avail_out;
        if (out->len > max_bytes) {
            result = RPC_MESSAGE_TOO_LARGE;
            break;
        }
        if (r == Z_STREAM_END) {
            if (z.avail_in == 0) {
                result = RPC_MESSAGE_OK;
            }
            break;
        }
        if (r != Z_OK) { // Z_BUF_ERROR: the stream is cut off
            break;
        }
    }
    inflateEnd(&z);
    return result;
}

enum rpc_message_result rpc_message_take(grpc_byte_buffer *buffer, size_t max_bytes,
                                         struct rpc_message *ret) {
    *ret = (struct rpc_message){0};
    const grpc_slice_buffer *pieces = &buffer->data.raw.slice_buffer;
    enum rpc_message_result result = RPC_MESSAGE_OK;
    if (buffer->data.raw.compression != GRPC_COMPRESS_NONE) {
        struct strbuf out = STRBUF_INIT;
        result = inflate_pieces(pieces, max_bytes, &out);
        if (result == RPC_MESSAGE_OK) {
            size_t len;
            ret->copy = strbuf_detach(&out, &len);
            ret->bytes = slice_of(ret->copy, len);
        }
        strbuf_release(&out);
    } else if (pieces->length > max_bytes) {
        result = RPC_MESSAGE_TOO_LARGE;
    } else if (pieces->count == 1) {
        ret->buffer = buffer;
        ret->bytes = rpc_slice_view(&pieces->slices[0]);
        return result;
    } else if (pieces->length > 0) {
        ret->copy = joined(pieces);
        ret->bytes = slice_of(ret->copy, pieces->length);
    }
    grpc_byte_buffer_destroy(buffer);
    return result;
}

void rpc_message_copy(const struct slice *parts, size_t count, struct rpc_message *ret) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += parts[i].len;
    }
    *ret = (struct rpc_message){0};
    if (size == 0) {
        return;
    }
    ret->copy = mem_alloc(size);
    uint8_t *end = ret->copy;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            memcpy(end, parts[i].data, parts[i].len);
            end += parts[i].len;
        }
    }
    ret->bytes = slice_of(ret->copy, size);
}

void rpc_message_release(struct rpc_message *m) {
    if (m->buffer != NULL) {
        grpc_byte_buffer_destroy(m->buffer);
    }
    free(m->copy);
    *m = (struct rpc_message){0};
}
