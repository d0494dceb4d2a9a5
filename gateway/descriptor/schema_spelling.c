#include "gateway/descriptor/schema_spelling.h"

#include <string.h>

#include "gateway/descriptor/schema_type.h"

void schema_spell_name(struct schema_field *f) {
    if (!slice_equal(f->json_name, f->name)) {
        f->json_alias = f->json_name;
        f->json_name = f->name;
    }
}

void schema_spell_numbers(struct arena *a, struct schema_enum *e, bool has_words) {
    if (has_words || e->null_value) {
        return;
    }
    e->numbers = true;
    for (size_t i = 0; i < e->value_count; i++) {
        struct schema_enum_value *value = (struct schema_enum_value *)&e->values[i];
        value->json_word = slice_of_cstr(arena_printf(a, "%d", value->number));
    }
}

static const struct schema_enum_value *zero_of(const struct schema_enum *e) {
    for (size_t i = 0; i < e->number_count; i++) {
        if (e->by_number[i]->number == 0) {
            return e->by_number[i];
        }
    }
    return NULL;
}

// What an unset field of a message with emit_defaults prints; empty: nothing.
static struct slice default_value(const struct schema_field *f, bool with_structs) {
    if (f->map) {
        return slice_of_cstr("{}");
    }
    if (f->repeated) {
        return slice_of_cstr("[]");
    }
    if (f->oneof >= 0) {
        return SLICE_EMPTY;
    }
    if (f->message != NULL) {
        bool is_struct = with_structs && f->message->known == KNOWN_STRUCT;
        return is_struct ? slice_of_cstr("{}") : SLICE_EMPTY;
    }
    if (f->presence) {
        return SLICE_EMPTY;
    }
    switch (f->type) {
    case SCHEMA_BOOL:
        return slice_of_cstr("false");
    case SCHEMA_STRING:
    case SCHEMA_BYTES:
        return slice_of_cstr("\"\"");
    case SCHEMA_INT64:
    case SCHEMA_UINT64:
    case SCHEMA_FIXED64:
    case SCHEMA_SFIXED64:
    case SCHEMA_SINT64:
        return slice_of_cstr(f->number_in_json ? "0" : "\"0\"");
    case SCHEMA_ENUM: {
        const struct schema_enum_value *zero = zero_of(f->enumeration);
        if (f->enumeration->null_value) {
            return slice_of_cstr("null");
        }
        if (zero != NULL && zero->absent) {
            return SLICE_EMPTY;
        }
        return zero == NULL ? slice_of_cstr("0") : zero->json_word;
    }
    default:
        return slice_of_cstr("0");
    }
}

void schema_spell_defaults(struct arena *a, struct schema_field *fields, uint32_t count,
                           bool with_structs) {
    for (uint32_t i = 0; i < count; i++) {
        struct schema_field *f = &fields[i];
        struct slice value = default_value(f, with_structs);
        if (value.len != 0) {
            uint8_t *bytes = arena_alloc(a, f->json_key.len + value.len);
            memcpy(bytes, f->json_key.data, f->json_key.len);
            memcpy(bytes + f->json_key.len, value.data, value.len);
            f->json_default = slice_of(bytes, f->json_key.len + value.len);
        }
    }
}
