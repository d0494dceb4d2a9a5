#include "base/trace/trace_parent.h"

#include <string.h>

#include "base/core/hex.h"

enum {
    PARENT_SIZE = TRACE_PARENT_TEXT_SIZE - 1,
    TRACE_ID_AT = 3,
    SPAN_ID_AT = 36,
    FLAGS_AT = 53,
};

// What a digit is worth; -1 for any other byte: upper case is not valid.
static int digit_of(uint8_t c) {
    return c >= 'A' && c <= 'F' ? -1 : hex_value(c);
}

// Reads count bytes of two lower-case digits each.
static bool read_hex(const uint8_t *digits, size_t count, uint8_t *ret) {
    for (size_t i = 0; i < count; i++) {
        int high = digit_of(digits[2 * i]);
        int low = digit_of(digits[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_zero(const uint8_t *bytes, size_t count) {
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

bool trace_parent_read(struct slice value, struct trace_parent *ret) {
    const uint8_t *s = value.data;
    uint8_t version;
    struct trace_parent p;
    if (value.len < PARENT_SIZE || s[TRACE_ID_AT - 1] != '-' || s[SPAN_ID_AT - 1] != '-' ||
        s[FLAGS_AT - 1] != '-' || !read_hex(s, 1, &version) ||
        !read_hex(s + TRACE_ID_AT, TRACE_ID_BYTES, p.trace_id) ||
        !read_hex(s + SPAN_ID_AT, TRACE_SPAN_ID_BYTES, p.span_id) ||
        !read_hex(s + FLAGS_AT, 1, &p.flags) || version == 0xFF ||
        is_zero(p.trace_id, TRACE_ID_BYTES) || is_zero(p.span_id, TRACE_SPAN_ID_BYTES)) {
        return false;
    }
    if (value.len > PARENT_SIZE && (version == 0 || s[PARENT_SIZE] != '-')) {
        return false;
    }
    // What later versions append goes into metadata, so it must be printable.
    for (size_t i = PARENT_SIZE; i < value.len; i++) {
        if (s[i] <= 0x20 || s[i] >= 0x7F) {
            return false;
        }
    }
    *ret = p;
    return true;
}

static char *write_hex(char *at, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        *at++ = hex_digit(bytes[i] >> 4);
        *at++ = hex_digit(bytes[i]);
    }
    return at;
}

void trace_parent_write(const struct trace_parent *parent, char ret_text[TRACE_PARENT_TEXT_SIZE]) {
    memcpy(ret_text, "00-", TRACE_ID_AT);
    char *at = write_hex(ret_text + TRACE_ID_AT, parent->trace_id, TRACE_ID_BYTES);
    *at++ = '-';
    at = write_hex(at, parent->span_id, TRACE_SPAN_ID_BYTES);
    memcpy(at, trace_parent_is_sampled(parent) ? "-01" : "-00", sizeof("-01"));
}

void trace_id_write(const uint8_t trace_id[TRACE_ID_BYTES], char ret_text[TRACE_ID_TEXT_SIZE]) {
    *write_hex(ret_text, trace_id, TRACE_ID_BYTES) = '\0';
}
