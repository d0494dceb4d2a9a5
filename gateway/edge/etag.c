#include "gateway/edge/etag.h"

#include <string.h>
#include <xxhash.h>

#include "base/core/hex.h"

void etag_make(struct slice bytes, uint64_t variant, char ret_etag[ETAG_SIZE]) {
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data, bytes.len, variant);
    const uint64_t halves[2] = {hash.high64, hash.low64};
    char *out = ret_etag;
    memcpy(out, "W/\"", 3);
    out += 3;
    for (int half = 0; half < 2; half++) {
        for (int shift = 60; shift >= 0; shift -= 4) {
            *out++ = hex_digit(halves[half] >> shift);
        }
    }
    *out++ = '"';
    *out = '\0';
}

// A tag without W/, with its quotes.
static struct slice opaque_part(struct slice tag) {
    bool is_weak = tag.len >= 2 && tag.data[0] == 'W' && tag.data[1] == '/';
    return is_weak ? slice_of(tag.data + 2, tag.len - 2) : tag;
}

// Takes one tag from the beginning of *rest; false if there is none. What is between
// the quotes may be a comma; a backslash escapes nothing there.
static bool take_tag(struct slice *rest, struct slice *ret_opaque) {
    struct slice s = opaque_part(*rest);
    if (s.len < 2 || s.data[0] != '"') {
        return false;
    }
    size_t end = 1;
    while (end < s.len && s.data[end] != '"') {
        if (s.data[end] <= 0x20 || s.data[end] == 0x7F) {
            return false;
        }
        end++;
    }
    if (end == s.len) {
        return false;
    }
    *ret_opaque = slice_of(s.data, end + 1);
    *rest = slice_of(s.data + end + 1, s.len - end - 1);
    return true;
}

enum outcome { MALFORMED, NOT_FOUND, FOUND };

static enum outcome find_in(struct slice rest, struct slice wanted) {
    enum outcome outcome = NOT_FOUND;
    bool may_begin = true; // a member may begin: at the list's begin, or behind a comma
    for (rest = header_trim(rest); rest.len > 0; rest = header_trim(rest)) {
        struct slice tag;
        if (rest.data[0] == ',') {
            rest = slice_of(rest.data + 1, rest.len - 1);
            may_begin = true;
        } else if (may_begin && take_tag(&rest, &tag)) {
            outcome = slice_equal(tag, wanted) ? FOUND : outcome;
            may_begin = false;
        } else {
            return MALFORMED;
        }
    }
    return outcome;
}

bool etag_none_match(struct http_headers headers, const char *etag) {
    struct slice wanted = opaque_part(slice_of_cstr(etag));
    size_t count = 0;
    bool found = false;
    bool any = false;
    for (size_t i = 0; i < headers.count; i++) {
        const struct http_header *h = &headers.items[i];
        if (!header_equal(h->name, "if-none-match")) {
            continue;
        }
        count++;
        if (header_equal(header_trim(h->value), "*")) {
            any = true;
            continue;
        }
        enum outcome outcome = find_in(h->value, wanted);
        if (outcome == MALFORMED) {
            return false;
        }
        found = found || outcome == FOUND;
    }
    return any ? count == 1 : found; // "*" stands alone
}
