#include "base/core/utf8.h"

#include <string.h>

static bool is_continuation(uint8_t c) {
    return (c & 0xC0) == 0x80;
}

size_t utf8_sequence_length(const uint8_t *p, size_t n) {
    if (n == 0) {
        return 0;
    }
    uint8_t c = p[0];
    if (c < 0x80) {
        return 1;
    }
    if (c < 0xC2) {
        return 0;
    }
    if (c < 0xE0) {
        return n >= 2 && is_continuation(p[1]) ? 2 : 0;
    }
    if (c < 0xF0) {
        if (n < 3 || !is_continuation(p[1]) || !is_continuation(p[2])) {
            return 0;
        }
        bool overlong = c == 0xE0 && p[1] < 0xA0;
        bool surrogate = c == 0xED && p[1] >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    if (c < 0xF5) {
        if (n < 4 || !is_continuation(p[1]) || !is_continuation(p[2]) || !is_continuation(p[3])) {
            return 0;
        }
        bool overlong = c == 0xF0 && p[1] < 0x90;
        bool too_large = c == 0xF4 && p[1] >= 0x90;
        return overlong || too_large ? 0 : 4;
    }
    return 0;
}

bool utf8_valid(struct slice s) {
    size_t i = 0;
    while (i < s.len) {
        // Eight ASCII bytes at once: nearly all strings are ASCII.
        while (s.len - i >= 8) {
            uint64_t word;
            memcpy(&word, s.data + i, sizeof(word));
            if ((word & UINT64_C(0x8080808080808080)) != 0) {
                break;
            }
            i += 8;
        }
        if (i == s.len) {
            return true;
        }
        size_t n = utf8_sequence_length(s.data + i, s.len - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

struct slice utf8_cut(struct slice s, size_t most) {
    if (s.len <= most) {
        return s;
    }
    while (most > 0 && is_continuation(s.data[most])) {
        most--;
    }
    return slice_of(s.data, most);
}
