#include "gateway/edge/gunzip.h"

#include <limits.h>
#include <zlib.h>

#include "base/core/check.h"

enum {
    GZIP_WINDOW_BITS = 15 + 16, // zlib.h: 16 for gzip's header and nothing else
    FIRST_BYTES = 4096,
    USUAL_RATIO = 4,
};

// Has room for more of it, by doubling, up to a byte above most, with which it is too large.
static bool make_room(struct strbuf *out, size_t first, size_t most,
                      const struct gunzip_room *room) {
    size_t size = out->len == 0 ? first : out->len * 2;
    size = size <= most ? size : most + 1;
    if (!room->take(room->context, size)) {
        return false;
    }
    strbuf_grow(out, size - out->len);
    return true;
}

// Whether what stands behind a member is another one (RFC 1952 section 2.2).
static bool begins_member(const z_stream *z) {
    return z->avail_in >= 2 && z->next_in[0] == 0x1F && z->next_in[1] == 0x8B;
}

// Inflates into what room there is. Returns false at the end or a fault.
static bool go_on(z_stream *z, struct strbuf *out, const char **ret_fault) {
    size_t size = out->capacity - out->len;
    z->next_out = out->data + out->len;
    z->avail_out = size < INT_MAX ? (uInt)size : INT_MAX;
    int result = inflate(z, Z_NO_FLUSH);
    out->len = (size_t)(z->next_out - out->data);
    if (result == Z_STREAM_END) {
        if (begins_member(z)) {
            return inflateReset(z) == Z_OK;
        }
        *ret_fault = z->avail_in > 0 ? "something stands behind its end" : NULL;
        return false;
    }
    bool is_early = z->avail_in == 0 && z->avail_out > 0; // all was read, and more is due
    bool is_good = (result == Z_OK || result == Z_BUF_ERROR) && !is_early;
    if (!is_good) {
        *ret_fault = is_early && result != Z_DATA_ERROR ? "it ends early"
                     : z->msg != NULL                   ? z->msg
                                                        : "it needs a dictionary";
    }
    return is_good;
}

enum gunzip gunzip_inflate(struct slice gzip, size_t most, const struct gunzip_room *room,
                           struct strbuf *out, const char **ret_fault) {
    CHECK(gzip.len < INT_MAX && most < INT_MAX && out->len == 0);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)gzip.data, .avail_in = (uInt)gzip.len};
    CHECK(inflateInit2(&z, GZIP_WINDOW_BITS) == Z_OK); // else out of memory
    size_t first = gzip.len > FIRST_BYTES / USUAL_RATIO ? gzip.len * USUAL_RATIO : FIRST_BYTES;
    const char *fault = NULL;
    enum gunzip result = GUNZIP_DONE;
    do {
        if (out->len == out->capacity && !make_room(out, first, most, room)) {
            result = GUNZIP_NO_ROOM;
            break;
        }
    } while (go_on(&z, out, &fault) && out->len <= most);
    inflateEnd(&z);
    if (result == GUNZIP_DONE && out->len > most) {
        result = GUNZIP_TOO_LARGE;
    } else if (fault != NULL) {
        *ret_fault = fault;
        result = GUNZIP_MALFORMED;
    }
    if (result != GUNZIP_DONE) {
        strbuf_release(out);
    }
    return result;
}
