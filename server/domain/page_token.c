#include "server/domain/page_token.h"

#include "server/domain/run_error.h"
#include "server/domain/signed_text.h"

_Static_assert((int)SIGNED_TEXT_SECRET_BYTES == (int)STORE_SECRET_BYTES,
               "what a store's secret has");

// A token's bytes: version, started_at, id.
enum { VERSION = 1, HEAD_BYTES = 1 + 8 };

enum { DEFAULT_PAGE_SIZE = 50, LARGEST_PAGE_SIZE = 1000 };

const struct error *page_size_read(struct arena *a, int32_t page_size, int *ret_limit) {
    if (page_size < 0) {
        return run_error_field(a, "pageSize", "must be at least 0, got %d", page_size);
    }
    *ret_limit = page_size == 0                  ? DEFAULT_PAGE_SIZE
                 : page_size > LARGEST_PAGE_SIZE ? LARGEST_PAGE_SIZE
                                                 : page_size;
    return NULL;
}

const struct error *page_token_error(struct arena *a) {
    return run_error_field(a, "pageToken",
                           "was not made by this list with the same filters; start again "
                           "without it");
}

const char *page_token_make(struct arena *a, const uint8_t secret[STORE_SECRET_BYTES],
                            struct slice filters, const struct store_cursor *cursor) {
    size_t size = HEAD_BYTES + cursor->id.len;
    uint8_t *bytes = arena_alloc(a, size);
    bytes[0] = VERSION;
    memcpy(bytes + 1, &cursor->started_at_us, 8);
    if (cursor->id.len > 0) { // an empty one may have no bytes
        memcpy(bytes + HEAD_BYTES, cursor->id.data, cursor->id.len);
    }
    return signed_text_make(a, secret, filters, slice_of(bytes, size));
}

bool page_token_open(struct arena *a, const uint8_t secret[STORE_SECRET_BYTES],
                     struct slice filters, const char *token, struct store_cursor *ret_cursor) {
    struct slice body;
    if (!signed_text_open(a, secret, filters, slice_of_cstr(token), &body) ||
        body.len < HEAD_BYTES || body.data[0] != VERSION) {
        return false;
    }
    memcpy(&ret_cursor->started_at_us, body.data + 1, 8);
    ret_cursor->id = slice_of(body.data + HEAD_BYTES, body.len - HEAD_BYTES);
    return true;
}
