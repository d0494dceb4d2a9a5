#include "gateway/edge/idempotency_key.h"

static const char name[] = "idempotency-key";

static const struct error *refuse(struct arena *a, const char *what) {
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_HEADER_INVALID,
                                "the header \"Idempotency-Key\" %s", what);
    e->domain = REASON_DOMAIN_GATEWAY;
    return e;
}

static bool is_printable(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

static bool is_there_twice(struct http_headers headers) {
    size_t count = 0;
    for (size_t i = 0; i < headers.count; i++) {
        count += header_equal(headers.items[i].name, name);
    }
    return count > 1;
}

// Reads a string of RFC 8941, of printable ASCII, that is all of the value. Returns false if it is
// none: \ stands before " and \ only, and nothing follows the closing quote.
static bool read_string(struct arena *a, struct slice value, struct slice *ret_key) {
    uint8_t *key = arena_alloc(a, value.len);
    size_t n = 0;
    for (size_t i = 1; i < value.len; i++) {
        uint8_t c = value.data[i];
        if (c == '"') {
            *ret_key = slice_of(key, n);
            return i + 1 == value.len;
        }
        if (c == '\\') {
            i++;
            if (i == value.len || (value.data[i] != '"' && value.data[i] != '\\')) {
                return false;
            }
            c = value.data[i];
        }
        key[n++] = c;
    }
    return false;
}

const struct error *idempotency_key_read(struct arena *a, struct http_headers headers,
                                         bool *ret_is_given, struct slice *ret_key) {
    const struct http_header *header = header_find(headers, name);
    *ret_is_given = header != NULL;
    if (header == NULL) {
        return NULL;
    }
    if (is_there_twice(headers)) {
        return refuse(a, "is there more than once");
    }
    struct slice key = header_trim(header->value);
    if (!is_printable(key)) {
        return refuse(a, "must be printable ASCII");
    }
    if (key.len > 0 && key.data[0] == '"' && !read_string(a, key, &key)) {
        return refuse(a, "begins with a quote, but is no string of RFC 8941: \"...\" alone, with "
                         "\\\" and \\\\ for quotes and backslashes");
    }
    if (key.len == 0) {
        return refuse(a, "is empty");
    }
    *ret_key = key;
    return NULL;
}
