#include "gateway/descriptor/descriptor_option.h"

#include "base/core/strbuf.h"
#include "base/core/wire.h"

struct slice descriptor_option_message(struct arena *a, struct slice bytes, uint32_t number,
                                       bool *ret_found) {
    struct slice first = SLICE_EMPTY;
    struct strbuf all = STRBUF_INIT;
    size_t found = 0;
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    struct wire_field field;
    while (p < end && wire_read_field(&p, end, &field)) {
        if (field.number == number && field.type == WIRE_BYTES) {
            first = field.bytes;
            strbuf_append_slice(&all, field.bytes);
            found++;
        }
    }
    if (found > 1) {
        first = arena_copy(a, strbuf_slice(&all));
    }
    strbuf_release(&all);
    if (ret_found != NULL) {
        *ret_found = found > 0;
    }
    return first;
}

bool descriptor_option_find_varint(struct slice bytes, uint32_t number, uint64_t *ret) {
    struct wire_field field;
    if (!wire_find_last(bytes, number, WIRE_VARINT, &field)) {
        return false;
    }
    *ret = field.value;
    return true;
}

uint64_t descriptor_option_varint(struct slice bytes, uint32_t number) {
    uint64_t value = 0;
    descriptor_option_find_varint(bytes, number, &value);
    return value;
}

struct slice descriptor_option_last(struct slice bytes, uint32_t number) {
    struct wire_field field;
    return wire_find_last(bytes, number, WIRE_BYTES, &field) ? field.bytes : SLICE_EMPTY;
}
