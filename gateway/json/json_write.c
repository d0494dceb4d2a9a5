#include "gateway/json/json_write.h"

#include <math.h>

#include "base/core/base64.h"
#include "gateway/json/json_number.h"
#include "gateway/json/json_writer.h"

static const char malformed[] = "the message is malformed";

// Where a field's values stand within the message being scanned.
struct slot {
    const uint8_t *first; // tag of the first value; NULL if there is none
    const uint8_t *last;  // tag of the last
    bool several;
};

enum { FEW_FIELDS = 32, FEW_ONEOFS = 8 };

static void put_digits(struct json_writer *w, uint64_t size, bool negative, bool quoted) {
    char *start = (char *)json_reserve(w, JSON_NUMBER_BYTES + 3);
    char *p = start;
    if (quoted) {
        *p++ = '"';
    }
    if (negative) {
        *p++ = '-';
    }
    p += json_format_uint64(size, p);
    if (quoted) {
        *p++ = '"';
    }
    w->out->len += (size_t)(p - start);
}

static void put_int64(struct json_writer *w, int64_t value, bool quoted) {
    put_digits(w, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0, quoted);
}

static bool put_not_finite(struct json_writer *w, double value) {
    if (isnan(value)) {
        json_put(w, "\"NaN\"", 5);
    } else if (value > 0) {
        json_put(w, "\"Infinity\"", 10);
    } else {
        json_put(w, "\"-Infinity\"", 11);
    }
    return true;
}

static bool put_double(struct json_writer *w, double value) {
    if (!isfinite(value)) {
        return put_not_finite(w, value);
    }
    w->out->len += json_format_double(value, (char *)json_reserve(w, JSON_NUMBER_BYTES));
    return true;
}

static bool put_float(struct json_writer *w, uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof(value));
    if (!isfinite(value)) {
        return put_not_finite(w, (double)value);
    }
    w->out->len += json_format_float(value, (char *)json_reserve(w, JSON_NUMBER_BYTES));
    return true;
}

static bool put_bytes(struct json_writer *w, struct slice bytes) {
    size_t n = base64_encoded_size(bytes.len);
    uint8_t *out = json_reserve(w, n + 2);
    out[0] = '"';
    base64_encode(bytes, out + 1);
    out[n + 1] = '"';
    w->out->len += n + 2;
    return true;
}

static bool put_enum(struct json_writer *w, const struct schema_enum *e, int32_t number) {
    if (e->null_value) {
        json_put(w, "null", 4);
        return true;
    }
    const struct schema_enum_value *value = schema_enum_by_number(e, number);
    if (value == NULL) {
        put_int64(w, number, false);
    } else {
        json_put_slice(w, value->json_word);
    }
    return true;
}

static bool put_message(struct json_writer *w, const struct schema_message *m, struct slice bytes);

static bool put_element(struct json_writer *w, const struct schema_field *f,
                        const struct wire_field *v) {
    uint64_t u = v->value;
    switch (f->type) {
    case SCHEMA_DOUBLE:
        return put_double(w, wire_bits_double(u));
    case SCHEMA_FLOAT:
        return put_float(w, (uint32_t)u);
    case SCHEMA_INT64:
    case SCHEMA_SFIXED64:
        put_int64(w, (int64_t)u, !f->number_in_json);
        return true;
    case SCHEMA_SINT64:
        put_int64(w, (int64_t)(u >> 1 ^ (0 - (u & 1))), !f->number_in_json);
        return true;
    case SCHEMA_UINT64:
    case SCHEMA_FIXED64:
        put_digits(w, u, false, !f->number_in_json);
        return true;
    case SCHEMA_INT32:
    case SCHEMA_SFIXED32:
        put_int64(w, (int32_t)u, false);
        return true;
    case SCHEMA_SINT32: {
        uint32_t half = (uint32_t)u;
        put_int64(w, (int32_t)(half >> 1 ^ (0 - (half & 1))), false);
        return true;
    }
    case SCHEMA_UINT32:
    case SCHEMA_FIXED32:
        put_digits(w, (uint32_t)u, false, false);
        return true;
    case SCHEMA_BOOL:
        if (u != 0) {
            json_put(w, "true", 4);
        } else {
            json_put(w, "false", 5);
        }
        return true;
    case SCHEMA_ENUM:
        return put_enum(w, f->enumeration, (int32_t)u);
    case SCHEMA_STRING:
        return f->any_bytes ? json_put_any_string(w, v->bytes) : json_put_string(w, v->bytes);
    case SCHEMA_BYTES:
        return put_bytes(w, v->bytes);
    case SCHEMA_MESSAGE:
    case SCHEMA_GROUP:
        return put_message(w, f->message, v->bytes);
    default:
        return json_writer_fail(w, "a field has a type that is not known");
    }
}

static bool is_zero(const struct schema_field *f, const struct wire_field *v) {
    switch (f->type) {
    case SCHEMA_STRING:
    case SCHEMA_BYTES:
        return v->bytes.len == 0;
    case SCHEMA_INT32:
    case SCHEMA_UINT32:
    case SCHEMA_SINT32:
        return (uint32_t)v->value == 0;
    case SCHEMA_ENUM:
        // Any NullValue is null, which is read as 0.
        return (uint32_t)v->value == 0 || f->enumeration->null_value;
    default:
        return v->value == 0;
    }
}

static bool put_packed(struct json_writer *w, const struct schema_field *f, struct slice bytes,
                       bool *first) {
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    while (p < end) {
        struct wire_field v = {.number = f->number, .type = (enum wire_type)f->wire_type};
        if (f->wire_type == WIRE_VARINT) {
            if (!wire_read_varint(&p, end, &v.value)) {
                return json_writer_fail(w, malformed);
            }
        } else {
            size_t width = f->wire_type == WIRE_FIXED64 ? 8 : 4;
            if ((size_t)(end - p) < width) {
                return json_writer_fail(w, malformed);
            }
            memcpy(&v.value, p, width);
            v.value = le64toh(v.value);
            p += width;
        }
        if (json_is_unknown_enum(f, &v)) {
            continue;
        }
        json_put_separator(w, first);
        put_element(w, f, &v);
    }
    return true;
}

static bool put_repeated(struct json_writer *w, const struct schema_field *f,
                         const struct slot *slot, const uint8_t *end) {
    if (!json_writer_enter(w)) {
        return false;
    }
    bool scalar = f->wire_type != WIRE_BYTES && f->wire_type != WIRE_GROUP_START;
    json_put_byte(w, '[');
    bool first = true;
    for (const uint8_t *p = slot->first; p <= slot->last && p < end;) {
        struct wire_field v;
        if (!json_next_field(&p, end, &v)) {
            return json_writer_fail(w, malformed);
        }
        if (v.number != f->number || !json_field_matches(f, &v)) {
            continue;
        }
        if (scalar && v.type == WIRE_BYTES) {
            if (!put_packed(w, f, v.bytes, &first)) {
                return false;
            }
            continue;
        }
        if (json_is_unknown_enum(f, &v)) {
            continue;
        }
        json_put_separator(w, &first);
        if (!put_element(w, f, &v)) {
            return false;
        }
    }
    json_put_byte(w, ']');
    json_writer_leave(w);
    return true;
}

// The payloads of all values of a singular message.
static bool merge_values(struct json_writer *w, const struct schema_field *f,
                         const struct slot *slot, const uint8_t *end, struct wire_field *ret) {
    struct json_merged merged = {SLICE_EMPTY, 0};
    for (const uint8_t *p = slot->first; p <= slot->last && p < end;) {
        if (!json_next_field(&p, end, ret)) {
            return json_writer_fail(w, malformed);
        }
        if (ret->number == f->number && json_field_matches(f, ret) &&
            !json_merge(w, &merged, ret->bytes)) {
            return false;
        }
    }
    ret->bytes = merged.bytes;
    return true;
}

static bool is_absent(const struct schema_enum *e, int32_t number) {
    const struct schema_enum_value *value = schema_enum_by_number(e, number);
    return value != NULL && value->absent;
}

// Puts a field that is there; with its key unless first is NULL. Leaves it out
// if it holds a default that need not be printed, or an enum's value that means none.
static bool put_field(struct json_writer *w, const struct schema_message *m,
                      const struct schema_field *f, const struct slot *slot, const uint8_t *end,
                      bool *first) {
    if (f->repeated) {
        if (first != NULL) {
            json_put_separator(w, first);
            json_put_slice(w, f->json_key);
        }
        return f->map ? json_put_map(w, f, slot->first, slot->last, end)
                      : put_repeated(w, f, slot, end);
    }
    struct wire_field v = {0};
    const uint8_t *p = slot->last;
    if (slot->several && (f->type == SCHEMA_MESSAGE || f->type == SCHEMA_GROUP)) {
        if (!merge_values(w, f, slot, end, &v)) {
            return false;
        }
    } else if (!json_next_field(&p, end, &v)) {
        return json_writer_fail(w, malformed);
    }
    if (first != NULL) {
        if (!f->presence && !m->emit_defaults && is_zero(f, &v)) {
            return true;
        }
        if (f->enumeration != NULL && f->enumeration->has_absent &&
            is_absent(f->enumeration, (int32_t)v.value)) {
            return true;
        }
        json_put_separator(w, first);
        json_put_slice(w, f->json_key);
    }
    return put_element(w, f, &v);
}

// Whether a packed list has a value that its closed enum has.
static bool has_known_enum(const struct schema_field *f, struct slice packed) {
    const uint8_t *p = packed.data;
    const uint8_t *end = p + packed.len;
    while (p < end) {
        struct wire_field v = {.number = f->number};
        // What is malformed is found when it is put.
        if (!wire_read_varint(&p, end, &v.value) || !json_is_unknown_enum(f, &v)) {
            return true;
        }
    }
    return false;
}

// Whether a value of a selective field leaves it unset: a repeated scalar that is there but
// empty (packed, no bytes), or what its closed enum does not have.
static bool is_nothing(const struct schema_field *f, const struct wire_field *v) {
    if (v->type == WIRE_BYTES && f->wire_type != WIRE_BYTES) {
        return v->bytes.len == 0 ||
               (f->enumeration != NULL && f->enumeration->closed && !has_known_enum(f, v->bytes));
    }
    return f->map ? json_is_unknown_entry(f, v->bytes) : json_is_unknown_enum(f, v);
}

// Notes where each field stands. A value that a later one replaces is checked
// here, because it is not printed.
static bool scan_fields(struct json_writer *w, const struct schema_message *m, struct slice bytes,
                        struct slot *slots, const struct schema_field **oneofs) {
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    while (p < end) {
        const uint8_t *tag = p;
        struct wire_field v;
        if (!json_next_field(&p, end, &v)) {
            return json_writer_fail(w, malformed);
        }
        const struct schema_field *f = schema_field_by_number(m, v.number);
        if (f == NULL || !json_field_matches(f, &v) || (f->selective && is_nothing(f, &v))) {
            continue;
        }
        struct slot *slot = &slots[f->index];
        if (f->oneof >= 0) {
            const struct schema_field *before = oneofs[f->oneof];
            if (before != NULL && before != f) {
                struct slot *lost = &slots[before->index];
                if (!put_field(w, m, before, lost, end, NULL)) {
                    return false;
                }
                *lost = (struct slot){NULL, NULL, false};
            }
            oneofs[f->oneof] = f;
        }
        if (slot->first == NULL) {
            slot->first = tag;
        } else {
            slot->several = true;
            struct wire_field lost;
            const uint8_t *q = slot->last;
            if (f->type == SCHEMA_STRING && !f->repeated &&
                (!json_next_field(&q, end, &lost) || !json_check_element(w, f, &lost))) {
                return false;
            }
        }
        slot->last = tag;
    }
    return true;
}

struct scan {
    struct slot *slots;
    struct slot few_slots[FEW_FIELDS];
    const struct schema_field *few_oneofs[FEW_ONEOFS];
};

static bool scan_message(struct json_writer *w, const struct schema_message *m, struct slice bytes,
                         struct scan *ret) {
    const struct schema_field **oneofs = ret->few_oneofs;
    ret->slots = ret->few_slots;
    if (m->field_count > FEW_FIELDS) {
        ret->slots = ARENA_ARRAY(w->arena, struct slot, m->field_count);
    } else {
        memset(ret->few_slots, 0, sizeof(struct slot) * m->field_count);
    }
    if (m->oneof_count > FEW_ONEOFS) {
        oneofs = ARENA_ARRAY(w->arena, const struct schema_field *, m->oneof_count);
    } else {
        memset(ret->few_oneofs, 0, sizeof(ret->few_oneofs[0]) * m->oneof_count);
    }
    // What is put to check it is taken back.
    size_t before = w->out->len;
    bool ok = scan_fields(w, m, bytes, ret->slots, oneofs);
    w->out->len = before;
    return ok;
}

// Notes the field in which writing stopped, unless one within it is noted.
static bool fail_in(struct json_writer *w, const struct schema_message *m,
                    const struct schema_field *f) {
    if (w->fault_field == NULL) {
        w->fault_message = m;
        w->fault_field = f;
    }
    return false;
}

static bool put_members(struct json_writer *w, const struct schema_message *m, struct slice bytes,
                        bool *first) {
    struct scan scan;
    if (!scan_message(w, m, bytes, &scan)) {
        return false;
    }
    const uint8_t *end = bytes.data + bytes.len;
    for (uint32_t i = 0; i < m->field_count; i++) {
        const struct schema_field *f = &m->fields[i];
        if (scan.slots[i].first != NULL) {
            if (!put_field(w, m, f, &scan.slots[i], end, first)) {
                return fail_in(w, m, f);
            }
        } else if (f->json_default.len != 0) {
            json_put_separator(w, first);
            json_put_slice(w, f->json_default);
        }
    }
    return true;
}

static bool put_message(struct json_writer *w, const struct schema_message *m, struct slice bytes) {
    if (m->known != KNOWN_NONE) {
        return json_put_known(w, m, bytes);
    }
    if (!json_writer_enter(w)) {
        return false;
    }
    bool first = true;
    json_put_byte(w, '{');
    if (!put_members(w, m, bytes, &first)) {
        return false;
    }
    json_put_byte(w, '}');
    json_writer_leave(w);
    return true;
}

// Puts the value of an unset field.
static bool put_unset(struct json_writer *w, const struct schema_field *f) {
    struct wire_field value = json_default_of(f);
    if (f->repeated) {
        json_put(w, f->map ? "{}" : "[]", 2);
        return true;
    }
    if (f->type == SCHEMA_MESSAGE || f->type == SCHEMA_GROUP) {
        json_put(w, "null", 4);
        return true;
    }
    return put_element(w, f, &value);
}

static const struct json_recursion recursion = {
    .message = put_message,
    .members = put_members,
    .element = put_element,
};

// Takes back what was written and returns why.
static const char *give_up(const struct json_writer *w, size_t before) {
    w->out->len = before;
    if (w->fault_field == NULL) {
        return w->fault;
    }
    return arena_printf(w->arena, "field %.*s.%.*s: %s", SLICE_FMT(w->fault_message->full_name),
                        SLICE_FMT(w->fault_field->name), w->fault);
}

bool json_write_message(const struct schema *schema, struct arena *a,
                        const struct schema_message *type, struct slice message, struct strbuf *out,
                        const char **ret_fault) {
    struct json_writer w = {.put = &recursion, .out = out, .arena = a, .schema = schema};
    size_t before = out->len;
    if (!put_message(&w, type, message)) {
        *ret_fault = give_up(&w, before);
        return false;
    }
    return true;
}

bool json_write_field_of(const struct schema *schema, struct arena *a,
                         const struct schema_message *type, const struct schema_field *field,
                         struct slice message, struct strbuf *out, const char **ret_fault) {
    struct json_writer w = {.put = &recursion, .out = out, .arena = a, .schema = schema};
    size_t before = out->len;
    struct scan scan;
    bool ok = scan_message(&w, type, message, &scan);
    if (ok) {
        const struct slot *slot = &scan.slots[field->index];
        ok = slot->first == NULL
                 ? put_unset(&w, field)
                 : put_field(&w, type, field, slot, message.data + message.len, NULL) ||
                       fail_in(&w, type, field);
    }
    if (!ok) {
        *ret_fault = give_up(&w, before);
    }
    return ok;
}
