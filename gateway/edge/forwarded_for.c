#include "gateway/edge/forwarded_for.h"

#include "base/core/strbuf.h"

static const char separator[] = ", ";
enum { SEPARATOR_BYTES = sizeof(separator) - 1 };

static bool is_visible(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] <= 0x20 || s.data[i] >= 0x7F) {
            return false;
        }
    }
    return true;
}

// Drops elements from the beginning until the rest is short enough.
static struct slice shorten(struct slice chain) {
    while (chain.len > FORWARDED_FOR_BYTES) {
        const uint8_t *comma = memchr(chain.data, ',', chain.len);
        size_t dropped = comma == NULL ? chain.len : (size_t)(comma - chain.data) + SEPARATOR_BYTES;
        chain = slice_of(chain.data + dropped, chain.len - dropped);
    }
    return chain;
}

struct slice forwarded_for_append(struct arena *a, struct http_headers headers,
                                  struct slice address) {
    struct strbuf chain = STRBUF_INIT;
    struct header_list list = header_list_of(headers, "x-forwarded-for");
    for (struct slice element; header_list_next(&list, &element);) {
        if (!is_visible(element)) {
            chain.len = 0;
            continue;
        }
        strbuf_append_slice(&chain, element);
        strbuf_append_cstr(&chain, separator);
    }
    if (chain.len == 0) {
        strbuf_release(&chain);
        return address;
    }
    strbuf_append_slice(&chain, address);
    struct slice result = arena_copy(a, shorten(strbuf_slice(&chain)));
    strbuf_release(&chain);
    return result;
}
