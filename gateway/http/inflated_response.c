#include "gateway/http/inflated_response.h"

#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"

enum {
    BLOCK_BYTES = 16384,
    GZIP_WINDOW_BITS = 15 + 16, // zlib.h: 16 for gzip's header
};

static ssize_t read_plain(void *context, uint64_t position, char *buffer, size_t size) {
    (void)position; // one after the other, from 0 on
    z_stream *z = context;
    z->next_out = (Bytef *)buffer;
    z->avail_out = (uInt)size;
    int result = inflate(z, Z_NO_FLUSH);
    size_t written = size - z->avail_out;
    bool is_good = (result == Z_OK || result == Z_STREAM_END) && written > 0;
    return is_good ? (ssize_t)written : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void release(void *context) {
    inflateEnd(context);
    free(context);
}

struct MHD_Response *inflated_response(struct slice gzip, size_t plain_bytes) {
    z_stream *z = mem_zalloc(sizeof(*z));
    z->next_in = (Bytef *)(uintptr_t)gzip.data;
    z->avail_in = (uInt)gzip.len;
    CHECK(inflateInit2(z, GZIP_WINDOW_BITS) == Z_OK); // else out of memory
    return MHD_create_response_from_callback(plain_bytes, BLOCK_BYTES, read_plain, z, release);
}
