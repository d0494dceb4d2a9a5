#include "base/core/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/core/check.h"
#include "base/core/json_escape.h"
#include "base/core/memory.h"
#include "base/core/utf8.h"

enum { MUCH_BYTES = 16 << 10 };

void strbuf_release(struct strbuf *b) {
    free(b->data);
    *b = STRBUF_INIT;
}

void strbuf_grow(struct strbuf *b, size_t n) {
    CHECK(n <= SIZE_MAX / 4 && b->len <= SIZE_MAX / 4);
    if (b->capacity - b->len >= n) {
        return;
    }
    size_t capacity = b->capacity < 128 ? 256 : b->capacity * 2;
    if (capacity < b->len + n) {
        capacity = b->len + n;
    }
    b->data = mem_realloc(b->data, capacity);
    b->capacity = capacity;
}

void strbuf_append(struct strbuf *b, const void *data, size_t n) {
    if (n == 0) {
        return;
    }
    strbuf_grow(b, n);
    memcpy(b->data + b->len, data, n);
    b->len += n;
}

void strbuf_append_slice(struct strbuf *b, struct slice s) {
    strbuf_append(b, s.data, s.len);
}

void strbuf_append_cstr(struct strbuf *b, const char *s) {
    strbuf_append(b, s, strlen(s));
}

void strbuf_printf(struct strbuf *b, const char *format, ...) {
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(n >= 0);
    strbuf_grow(b, (size_t)n + 1);
    vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, again);
    va_end(again);
    b->len += (size_t)n;
}

void strbuf_append_json_string(struct strbuf *b, struct slice s) {
    strbuf_grow(b, s.len + 2);
    strbuf_append_byte(b, '"');
    size_t start = 0;
    size_t i = 0;
    while (i < s.len) {
        uint8_t c = s.data[i];
        if (c < 0x80) {
            uint8_t escaped[JSON_ESCAPE_LONGEST];
            size_t length = json_escape_put(c, escaped);
            if (length != 0) {
                strbuf_append(b, s.data + start, i - start);
                strbuf_append(b, escaped, length);
                start = i + 1;
            }
            i++;
            continue;
        }
        size_t n = utf8_sequence_length(s.data + i, s.len - i);
        if (n != 0) {
            i += n;
            continue;
        }
        strbuf_append(b, s.data + start, i - start);
        strbuf_append_cstr(b, "\xEF\xBF\xBD");
        i++;
        start = i;
    }
    strbuf_append(b, s.data + start, i - start);
    strbuf_append_byte(b, '"');
}

void strbuf_fit(struct strbuf *b) {
    if (b->len > 0 && b->capacity - b->len >= MUCH_BYTES && b->capacity - b->len > b->len / 8) {
        b->data = mem_realloc(b->data, b->len);
        b->capacity = b->len;
    }
}

uint8_t *strbuf_detach(struct strbuf *b, size_t *ret_len) {
    uint8_t *data = b->data;
    *ret_len = b->len;
    *b = STRBUF_INIT;
    return data;
}
