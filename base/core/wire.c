#include "base/core/wire.h"

enum { DEEPEST_GROUP = 100 };

static bool read_fixed(const uint8_t **p, const uint8_t *end, size_t width, uint64_t *ret) {
    if ((size_t)(end - *p) < width) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++) {
        value |= (uint64_t)(*p)[i] << (8 * i);
    }
    *p += width;
    *ret = value;
    return true;
}

static bool read_field(const uint8_t **p, const uint8_t *end, struct wire_field *ret, int depth);

// Reads up to the end tag of group number.
static bool read_group(const uint8_t **p, const uint8_t *end, uint32_t number, struct slice *ret,
                       int depth) {
    if (depth >= DEEPEST_GROUP) {
        return false;
    }
    const uint8_t *start = *p;
    while (*p < end) {
        const uint8_t *before = *p;
        struct wire_field inner;
        if (!read_field(p, end, &inner, depth + 1)) {
            return false;
        }
        if (inner.type == WIRE_GROUP_END) {
            *ret = slice_of(start, (size_t)(before - start));
            return inner.number == number;
        }
    }
    return false;
}

static bool read_field(const uint8_t **p, const uint8_t *end, struct wire_field *ret, int depth) {
    const uint8_t *start = *p;
    uint64_t tag;
    // Other parsers refuse a tag of more than five bytes, too.
    if (!wire_read_varint(p, end, &tag) || *p - start > 5 || tag > UINT32_MAX || tag >> 3 == 0) {
        return false;
    }
    ret->number = (uint32_t)(tag >> 3);
    ret->type = (enum wire_type)(tag & 7);
    ret->value = 0;
    ret->bytes = SLICE_EMPTY;
    switch ((int)(tag & 7)) {
    case WIRE_VARINT:
        return wire_read_varint(p, end, &ret->value);
    case WIRE_FIXED64:
        return read_fixed(p, end, 8, &ret->value);
    case WIRE_FIXED32:
        return read_fixed(p, end, 4, &ret->value);
    case WIRE_BYTES: {
        uint64_t len;
        if (!wire_read_varint(p, end, &len) || len > (uint64_t)(end - *p)) {
            return false;
        }
        ret->bytes = slice_of(*p, (size_t)len);
        *p += len;
        return true;
    }
    case WIRE_GROUP_START:
        return read_group(p, end, ret->number, &ret->bytes, depth);
    case WIRE_GROUP_END:
        return depth > 0;
    default:
        return false;
    }
}

bool wire_read_field(const uint8_t **p, const uint8_t *end, struct wire_field *ret) {
    return read_field(p, end, ret, 0);
}

bool wire_find_last(struct slice message, uint32_t number, enum wire_type type,
                    struct wire_field *ret) {
    bool found = false;
    const uint8_t *p = message.data;
    const uint8_t *end = p + message.len;
    struct wire_field field;
    while (p < end && wire_read_field(&p, end, &field)) {
        if (field.number == number && field.type == type) {
            *ret = field;
            found = true;
        }
    }
    return found;
}

void wire_put_varint(struct strbuf *b, uint64_t value) {
    while (value >= 0x80) {
        strbuf_append_byte(b, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    strbuf_append_byte(b, (uint8_t)value);
}

void wire_put_tag(struct strbuf *b, uint32_t number, enum wire_type type) {
    wire_put_varint(b, (uint64_t)number << 3 | (uint64_t)type);
}

void wire_put_uint(struct strbuf *b, uint32_t number, uint64_t value) {
    wire_put_tag(b, number, WIRE_VARINT);
    wire_put_varint(b, value);
}

void wire_put_little_endian(struct strbuf *b, uint64_t value, size_t width) {
    if (b->capacity - b->len < width) {
        strbuf_grow(b, width);
    }
    for (size_t i = 0; i < width; i++) {
        b->data[b->len++] = (uint8_t)(value >> (8 * i));
    }
}

void wire_put_fixed32(struct strbuf *b, uint32_t number, uint32_t value) {
    wire_put_tag(b, number, WIRE_FIXED32);
    wire_put_little_endian(b, value, 4);
}

void wire_put_fixed64(struct strbuf *b, uint32_t number, uint64_t value) {
    wire_put_tag(b, number, WIRE_FIXED64);
    wire_put_little_endian(b, value, 8);
}

void wire_put_bytes(struct strbuf *b, uint32_t number, struct slice bytes) {
    wire_put_tag(b, number, WIRE_BYTES);
    wire_put_varint(b, bytes.len);
    strbuf_append_slice(b, bytes);
}
