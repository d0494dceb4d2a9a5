#ifndef RUNSD_BASE_CORE_STRBUF_H
#define RUNSD_BASE_CORE_STRBUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/core/slice.h"

// A growing run of bytes on the heap. Not thread safe.
struct strbuf {
    uint8_t *data;
    size_t len;
    size_t capacity;
};

#define STRBUF_INIT ((struct strbuf){NULL, 0, 0})

// Frees the bytes and makes b empty.
void strbuf_release(struct strbuf *b);

// Makes room for n more bytes; aborts when memory is exhausted.
void strbuf_grow(struct strbuf *b, size_t n);

void strbuf_append(struct strbuf *b, const void *data, size_t n);
void strbuf_append_slice(struct strbuf *b, struct slice s);
void strbuf_append_cstr(struct strbuf *b, const char *s);
void strbuf_printf(struct strbuf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Appends s as a JSON string with its quotes (RFC 8259). Bytes that are no
// valid UTF-8 become U+FFFD, so that what is written is always JSON.
void strbuf_append_json_string(struct strbuf *b, struct slice s);

static inline void strbuf_append_byte(struct strbuf *b, uint8_t c) {
    if (b->len == b->capacity) {
        strbuf_grow(b, 1);
    }
    b->data[b->len++] = c;
}

static inline struct slice strbuf_slice(const struct strbuf *b) {
    return slice_of(b->data, b->len);
}

// Shrinks the allocation of b to its length if that frees much.
void strbuf_fit(struct strbuf *b);

// Empties b and hands its bytes to the caller, who frees them with free().
uint8_t *strbuf_detach(struct strbuf *b, size_t *ret_len);

#endif
