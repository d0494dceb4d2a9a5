#include "gateway/transcode/percent.h"

#include "base/core/hex.h"

bool percent_valid(struct slice text, size_t *ret_at) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '%') {
            continue;
        }
        if (text.len - i < 3 || hex_value(text.data[i + 1]) < 0 ||
            hex_value(text.data[i + 2]) < 0) {
            *ret_at = i;
            return false;
        }
    }
    return true;
}

struct slice percent_decode(struct arena *a, struct slice text, enum percent_mode mode) {
    bool plain =
        text.len == 0 || (memchr(text.data, '%', text.len) == NULL &&
                          (mode != PERCENT_FORM || memchr(text.data, '+', text.len) == NULL));
    if (plain) {
        return text;
    }
    uint8_t *out = arena_alloc(a, text.len);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '%') {
            // Of valid text neither is negative.
            uint8_t decoded = (uint8_t)((unsigned)hex_value(text.data[i + 1]) << 4 |
                                        (unsigned)hex_value(text.data[i + 2]));
            if (decoded == '/' && mode == PERCENT_KEEP_SLASH) {
                memcpy(out + n, text.data + i, 3);
                n += 3;
            } else {
                out[n++] = decoded;
            }
            i += 2;
        } else {
            out[n++] = c == '+' && mode == PERCENT_FORM ? ' ' : c;
        }
    }
    return slice_of(out, n);
}
