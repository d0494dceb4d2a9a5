#include <math.h>

#include "base/core/well_known_fields.h"
#include "gateway/json/json_number.h"
#include "gateway/json/json_writer.h"

// google.protobuf.Struct, Value and ListValue.

static const char malformed[] = "a google.protobuf.Struct is malformed";

static bool read_entry(struct json_writer *w, struct slice bytes, struct slice *ret_key,
                       struct wire_field *ret_value) {
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    struct json_merged merged = {SLICE_EMPTY, 0};
    struct wire_field v;
    while (p < end) {
        if (!json_next_field(&p, end, &v)) {
            return json_writer_fail(w, malformed);
        }
        if (v.type != WIRE_BYTES) {
            continue;
        }
        if (v.number == MAP_KEY) {
            size_t before = w->out->len;
            if (ret_key->len > 0 && !json_put_string(w, *ret_key)) {
                return false; // replaced, but it must have been valid
            }
            w->out->len = before;
            *ret_key = v.bytes;
        } else if (v.number == MAP_VALUE && !json_merge(w, &merged, v.bytes)) {
            return false;
        }
    }
    ret_value->bytes = merged.bytes;
    return true;
}

bool json_put_struct(struct json_writer *w, struct slice bytes) {
    if (!json_writer_enter(w)) {
        return false;
    }
    struct json_entries entries;
    json_entries_init(&entries);
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    struct wire_field v;
    while (p < end) {
        if (!json_next_field(&p, end, &v)) {
            return json_writer_fail(w, malformed);
        }
        if (v.number != STRUCT_FIELDS || v.type != WIRE_BYTES) {
            continue;
        }
        struct slice key = SLICE_EMPTY;
        struct wire_field value = {.type = WIRE_BYTES};
        if (!read_entry(w, v.bytes, &key, &value)) {
            return false;
        }
        json_entries_add(&entries, w->arena, key, &value);
    }
    json_entries_mark(&entries, w->arena);
    bool first = true;
    json_put_byte(w, '{');
    for (size_t i = 0; i < entries.count; i++) {
        const struct json_entry *e = &entries.items[i];
        size_t before = w->out->len;
        json_put_separator(w, &first);
        if (!json_put_string(w, e->key)) {
            return false;
        }
        json_put_byte(w, ':');
        if (!json_put_value(w, e->value.bytes)) {
            return false;
        }
        if (e->superseded) {
            w->out->len = before;
            first = before > 0 && w->out->data[before - 1] == '{';
        }
    }
    json_put_byte(w, '}');
    json_writer_leave(w);
    return true;
}

bool json_put_list_value(struct json_writer *w, struct slice bytes) {
    if (!json_writer_enter(w)) {
        return false;
    }
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    struct wire_field v;
    bool first = true;
    json_put_byte(w, '[');
    while (p < end) {
        if (!json_next_field(&p, end, &v)) {
            return json_writer_fail(w, malformed);
        }
        if (v.number != LIST_VALUES || v.type != WIRE_BYTES) {
            continue;
        }
        json_put_separator(w, &first);
        if (!json_put_value(w, v.bytes)) {
            return false;
        }
    }
    json_put_byte(w, ']');
    json_writer_leave(w);
    return true;
}

static bool put_number(struct json_writer *w, double number) {
    if (!isfinite(number)) {
        return json_writer_fail(w, "a google.protobuf.Value holds NaN or an infinity");
    }
    w->out->len += json_format_double(number, (char *)json_reserve(w, JSON_NUMBER_BYTES));
    return true;
}

static bool put_kind(struct json_writer *w, const struct wire_field *v) {
    switch (v->number) {
    case VALUE_NUMBER:
        return put_number(w, wire_bits_double(v->value));
    case VALUE_STRING:
        return json_put_string(w, v->bytes);
    case VALUE_BOOL:
        if (v->value != 0) {
            json_put(w, "true", 4);
        } else {
            json_put(w, "false", 5);
        }
        return true;
    case VALUE_STRUCT:
        return json_put_struct(w, v->bytes);
    case VALUE_LIST:
        return json_put_list_value(w, v->bytes);
    default: // VALUE_NULL, or none at all
        json_put(w, "null", 4);
        return true;
    }
}

bool json_put_value(struct json_writer *w, struct slice bytes) {
    static const uint8_t types[] = {
        [VALUE_NULL] = WIRE_VARINT, [VALUE_NUMBER] = WIRE_FIXED64, [VALUE_STRING] = WIRE_BYTES,
        [VALUE_BOOL] = WIRE_VARINT, [VALUE_STRUCT] = WIRE_BYTES,   [VALUE_LIST] = WIRE_BYTES};
    struct wire_field kind = {0};
    struct json_merged merged = {SLICE_EMPTY, 0}; // of the kind, if it is a message
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    struct wire_field v;
    while (p < end) {
        if (!json_next_field(&p, end, &v)) {
            return json_writer_fail(w, "a google.protobuf.Value is malformed");
        }
        if (v.number < VALUE_NULL || v.number > VALUE_LIST || (uint8_t)v.type != types[v.number]) {
            continue;
        }
        if (kind.number == v.number && v.number >= VALUE_STRUCT) {
            if (!json_merge(w, &merged, v.bytes)) {
                return false;
            }
            kind.bytes = merged.bytes;
            continue;
        }
        if (kind.number != 0) {
            // Replaced, but it must have been valid.
            size_t before = w->out->len;
            if (!put_kind(w, &kind)) {
                return false;
            }
            w->out->len = before;
        }
        kind = v;
        merged = (struct json_merged){v.type == WIRE_BYTES ? v.bytes : SLICE_EMPTY, 0};
    }
    return put_kind(w, &kind);
}
