#ifndef RUNSD_BASE_CORE_SLICE_H
#define RUNSD_BASE_CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// A borrowed run of bytes: the function that returns it says how long it is valid. Not terminated
// by NUL. An empty slice may have data NULL. Pure.
struct slice {
    const uint8_t *data;
    size_t len;
};

#define SLICE_EMPTY ((struct slice){NULL, 0})

// printf arguments for "%.*s".
#define SLICE_FMT(s) (int)(s).len, (const char *)((s).data != NULL ? (s).data : (const uint8_t *)"")

static inline struct slice slice_of(const void *data, size_t len) {
    return (struct slice){(const uint8_t *)data, len};
}

static inline struct slice slice_of_cstr(const char *s) {
    return slice_of(s, strlen(s));
}

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_equal_cstr(struct slice a, const char *b) {
    return slice_equal(a, slice_of_cstr(b));
}

// Byte order, shorter first when one is a prefix of the other.
static inline int slice_compare(struct slice a, struct slice b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int r = n == 0 ? 0 : memcmp(a.data, b.data, n);
    if (r != 0) {
        return r;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

static inline bool slice_starts_with(struct slice a, struct slice prefix) {
    return a.len >= prefix.len && slice_equal(slice_of(a.data, prefix.len), prefix);
}

#endif
