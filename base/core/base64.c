#include "base/core/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct slice bytes, uint8_t *ret_text) {
    const uint8_t *p = bytes.data;
    uint8_t *out = ret_text;
    size_t left = bytes.len;
    for (; left >= 3; left -= 3, p += 3) {
        *out++ = (uint8_t)alphabet[p[0] >> 2];
        *out++ = (uint8_t)alphabet[(p[0] & 3) << 4 | p[1] >> 4];
        *out++ = (uint8_t)alphabet[(p[1] & 15) << 2 | p[2] >> 6];
        *out++ = (uint8_t)alphabet[p[2] & 63];
    }
    if (left == 0) {
        return;
    }
    *out++ = (uint8_t)alphabet[p[0] >> 2];
    if (left == 1) {
        *out++ = (uint8_t)alphabet[(p[0] & 3) << 4];
        *out++ = '=';
    } else {
        *out++ = (uint8_t)alphabet[(p[0] & 3) << 4 | p[1] >> 4];
        *out++ = (uint8_t)alphabet[(p[1] & 15) << 2];
    }
    *out = '=';
}

// The six bits of a character; -1 if it has none.
static int bits_of(uint8_t c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    return c == '/' || c == '_' ? 63 : -1;
}

static bool decode(struct slice text, bool any_rest, uint8_t *ret_bytes, size_t *ret_size) {
    size_t n = text.len;
    size_t padding = 0;
    while (padding < 2 && n > 0 && text.data[n - 1] == '=') {
        n--;
        padding++;
    }
    if ((padding > 0 && text.len % 4 != 0) || n % 4 == 1) {
        return false;
    }
    size_t size = 0;
    uint32_t word = 0;
    int have = 0;
    for (size_t i = 0; i < n; i++) {
        int bits = bits_of(text.data[i]);
        if (bits < 0) {
            return false;
        }
        word = word << 6 | (uint32_t)bits;
        have += 6;
        if (have >= 8) {
            have -= 8;
            ret_bytes[size++] = (uint8_t)(word >> have);
            word &= (1u << have) - 1;
        }
    }
    if (word != 0 && !any_rest) {
        return false;
    }
    *ret_size = size;
    return true;
}

bool base64_decode(struct slice text, uint8_t *ret_bytes, size_t *ret_size) {
    return decode(text, false, ret_bytes, ret_size);
}

bool base64_decode_lenient(struct slice text, uint8_t *ret_bytes, size_t *ret_size) {
    return decode(text, true, ret_bytes, ret_size);
}
