#ifndef RUNSD_BASE_CORE_WIRE_H
#define RUNSD_BASE_CORE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// The protobuf wire format, read and written in place. Pure. Source:
// https://protobuf.dev/programming-guides/encoding/

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_GROUP_START = 3,
    WIRE_GROUP_END = 4,
    WIRE_FIXED32 = 5,
};

// One field of a message.
struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;     // WIRE_VARINT, WIRE_FIXED64, WIRE_FIXED32
    struct slice bytes; // WIRE_BYTES; of a group its content, without the end tag
};

// Reads a varint of up to ten bytes at *p and moves *p behind it. Returns false, with *p
// and *ret untouched, if it is truncated or exceeds 64 bits.
static inline bool wire_read_varint(const uint8_t **p, const uint8_t *end, uint64_t *ret) {
    if (*p < end && **p < 0x80) {
        *ret = *(*p)++;
        return true;
    }
    uint64_t value = 0;
    const uint8_t *q = *p;
    for (int shift = 0; shift < 70 && q < end; shift += 7) {
        uint8_t c = *q++;
        if (shift == 63 && c > 1) {
            return false;
        }
        value |= (uint64_t)(c & 0x7F) << shift;
        if (c < 0x80) {
            *p = q;
            *ret = value;
            return true;
        }
    }
    return false;
}

// Reads the field at *p and moves *p behind it. Returns false if the bytes are
// malformed (then *p is undefined). Call only while *p < end.
bool wire_read_field(const uint8_t **p, const uint8_t *end, struct wire_field *ret);

// Finds the last field of message with the number and type, which is what counts of a field
// that is there once. Returns whether there is one, and leaves *ret as it is if not. Stops where
// the bytes are malformed.
bool wire_find_last(struct slice message, uint32_t number, enum wire_type type,
                    struct wire_field *ret);

void wire_put_varint(struct strbuf *b, uint64_t value);
// Appends the lowest width bytes of value, lowest first: what stands behind the tag of
// WIRE_FIXED32 (width 4) and WIRE_FIXED64 (width 8).
void wire_put_little_endian(struct strbuf *b, uint64_t value, size_t width);

void wire_put_tag(struct strbuf *b, uint32_t number, enum wire_type type);
void wire_put_uint(struct strbuf *b, uint32_t number, uint64_t value);
void wire_put_fixed32(struct strbuf *b, uint32_t number, uint32_t value);
void wire_put_fixed64(struct strbuf *b, uint32_t number, uint64_t value);
void wire_put_bytes(struct strbuf *b, uint32_t number, struct slice bytes);

static inline uint64_t wire_double_bits(double d) {
    uint64_t bits;
    memcpy(&bits, &d, sizeof(bits));
    return bits;
}

static inline double wire_bits_double(uint64_t bits) {
    double d;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

// Returns how many bytes value takes as a varint.
static inline size_t wire_varint_size(uint64_t value) {
    size_t n = 1;
    for (; value >= 0x80; value >>= 7) {
        n++;
    }
    return n;
}

#endif
