#include "gateway/transcode/required.h"

#include "base/core/strbuf.h"
#include "base/core/well_known_fields.h"
#include "base/core/wire.h"

// The values of a field of the message that is being looked at.
struct values {
    struct slice bytes; // of a singular message all pieces, which are merged
    size_t count;
};

static const char *join(struct arena *a, const struct schema_field *f, const char *rest) {
    return rest == NULL ? NULL : arena_printf(a, "%.*s.%s", SLICE_FMT(f->json_name), rest);
}

static struct slice concatenate(struct arena *a, struct slice x, struct slice y) {
    if (x.len == 0) {
        return y;
    }
    uint8_t *both = arena_alloc(a, x.len + y.len);
    memcpy(both, x.data, x.len);
    memcpy(both + x.len, y.data, y.len);
    return slice_of(both, x.len + y.len);
}

// One element of a list, or one entry of a map: of an entry only the value can lack fields.
static const char *missing_of_element(struct arena *a, const struct schema_field *f,
                                      struct slice element, size_t index) {
    if (!f->map) {
        const char *rest = required_missing(a, f->message, element);
        return rest == NULL ? NULL
                            : arena_printf(a, "%.*s[%zu].%s", SLICE_FMT(f->json_name), index, rest);
    }
    const struct schema_field *value = schema_field_by_number(f->message, MAP_VALUE);
    struct wire_field field = {.bytes = SLICE_EMPTY};
    wire_find_last(element, MAP_VALUE, WIRE_BYTES, &field);
    return join(a, f, required_missing(a, value->message, field.bytes));
}

// Looks at all fields in order of the wire; singular messages are gathered in values.
static const char *missing_of_lists(struct arena *a, const struct schema_message *m,
                                    struct slice message, struct values *values) {
    const uint8_t *p = message.data;
    const uint8_t *end = p + message.len;
    struct wire_field field;
    while (p < end && wire_read_field(&p, end, &field)) {
        const struct schema_field *f = schema_field_by_number(m, field.number);
        if (f == NULL) {
            continue;
        }
        struct values *v = &values[f->index];
        size_t index = v->count++;
        if (f->message == NULL || !f->message->has_required ||
            (int)field.type != (int)f->wire_type) {
            continue;
        }
        if (!f->repeated) {
            v->bytes = concatenate(a, v->bytes, field.bytes);
            continue;
        }
        const char *missing = missing_of_element(a, f, field.bytes, index);
        if (missing != NULL) {
            return missing;
        }
    }
    return NULL;
}

const char *required_missing(struct arena *a, const struct schema_message *m,
                             struct slice message) {
    if (!m->has_required) {
        return NULL;
    }
    struct values *values = ARENA_ARRAY(a, struct values, m->field_count);
    const char *missing = missing_of_lists(a, m, message, values);
    for (uint32_t i = 0; i < m->field_count && missing == NULL; i++) {
        const struct schema_field *f = &m->fields[i];
        if (f->required && values[i].count == 0) {
            return arena_cstr(a, f->json_name);
        }
        if (f->message != NULL && !f->repeated && values[i].count > 0) {
            missing = join(a, f, required_missing(a, f->message, values[i].bytes));
        }
    }
    return missing;
}
