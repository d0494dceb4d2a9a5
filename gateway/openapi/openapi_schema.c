#include "gateway/openapi/openapi_schema.h"

#include "base/core/well_known_fields.h"
#include "gateway/json/json_read.h"
#include "gateway/openapi/doc.h"
#include "gateway/openapi/openapi_examples.h"
#include "gateway/openapi/openapi_text.h"

enum { WRITTEN_SHIFT = 2 };

static const char input_suffix[] = "-Input";

// --- components that are referred to ---

static size_t message_index(const struct openapi_builder *b, const struct schema_message *m) {
    return (size_t)(m - b->schema->messages);
}

static void refer_to_message(struct openapi_builder *b, const struct schema_message *m,
                             enum openapi_side side) {
    b->messages[message_index(b, m)] |= (uint8_t)(1 << side);
    doc_member_ref(b->out, "schemas",
                   arena_printf(&b->arena, "%.*s%s", SLICE_FMT(m->full_name),
                                side == OPENAPI_INPUT ? input_suffix : ""));
}

static void refer_to_enum(struct openapi_builder *b, const struct schema_enum *e) {
    b->enums[e - b->schema->enums] |= 1;
    doc_member_ref(b->out, "schemas", arena_printf(&b->arena, "%.*s", SLICE_FMT(e->full_name)));
}

// --- scalars ---

static void put_type(struct openapi_builder *b, const char *type, const char *format) {
    doc_member_cstr(b->out, "type", type);
    if (format != NULL) {
        doc_member_cstr(b->out, "format", format);
    }
}

// 64 bits: a string, or by jstype a number. Requests may hold either.
static void put_int64(struct openapi_builder *b, const struct schema_field *f,
                      enum openapi_side side) {
    bool is_unsigned = f->type == SCHEMA_UINT64 || f->type == SCHEMA_FIXED64;
    if (side == OPENAPI_INPUT) {
        doc_open_member(b->out, "type", '[');
        doc_cstr(b->out, f->number_in_json ? "integer" : "string");
        doc_cstr(b->out, f->number_in_json ? "string" : "integer");
        doc_close(b->out, ']');
    } else {
        doc_member_cstr(b->out, "type", f->number_in_json ? "integer" : "string");
    }
    doc_member_cstr(b->out, "format", is_unsigned ? "uint64" : "int64");
    if (is_unsigned && (side == OPENAPI_INPUT || f->number_in_json)) {
        doc_member_int(b->out, "minimum", 0);
    }
    if (side == OPENAPI_REPLY && !f->number_in_json) {
        doc_member_cstr(b->out, "pattern",
                        is_unsigned ? "^(0|[1-9][0-9]*)$" : "^(0|-?[1-9][0-9]*)$");
    }
}

static void put_real(struct openapi_builder *b, const struct schema_field *f) {
    const char *format = f->type == SCHEMA_FLOAT ? "float" : "double";
    if ((f->marks & SCHEMA_PLAIN_VALUE) != 0) {
        put_type(b, "number", format);
        return;
    }
    doc_open_member(b->out, "anyOf", '[');
    doc_open(b->out, '{');
    put_type(b, "number", format);
    doc_close(b->out, '}');
    doc_open(b->out, '{');
    doc_member_cstr(b->out, "type", "string");
    doc_open_member(b->out, "enum", '[');
    doc_cstr(b->out, "NaN");
    doc_cstr(b->out, "Infinity");
    doc_cstr(b->out, "-Infinity");
    doc_close(b->out, ']');
    doc_close(b->out, '}');
    doc_close(b->out, ']');
}

// Writes "type" and "enum": the word printed for each number, of aliases the first declared.
static void put_words(struct openapi_builder *b, const struct schema_enum *e, bool without_zero) {
    doc_member_cstr(b->out, "type", e->numbers ? "integer" : "string");
    doc_open_member(b->out, "enum", '[');
    for (size_t i = 0; i < e->value_count; i++) {
        const struct schema_enum_value *v = &e->values[i];
        bool is_out = v->absent || (without_zero && v->number == 0);
        if (schema_enum_by_number(e, v->number) == v && !is_out) {
            doc_raw(b->out, v->json_word);
        }
    }
    doc_close(b->out, ']');
}

static bool leaves_zero_out(const struct schema_field *f) {
    return (f->marks & SCHEMA_ALWAYS_SET) != 0 && f->enumeration->number_count > 1;
}

static void put_enum(struct openapi_builder *b, const struct schema_field *f) {
    if (f->enumeration->null_value) {
        doc_member_cstr(b->out, "type", "null");
    } else if ((f->marks & SCHEMA_PLAIN_VALUE) != 0) {
        put_words(b, f->enumeration, leaves_zero_out(f));
    } else {
        refer_to_enum(b, f->enumeration);
    }
}

static void put_scalar(struct openapi_builder *b, const struct schema_field *f,
                       enum openapi_side side) {
    switch (f->type) {
    case SCHEMA_DOUBLE:
    case SCHEMA_FLOAT:
        put_real(b, f);
        break;
    case SCHEMA_INT32:
    case SCHEMA_SINT32:
    case SCHEMA_SFIXED32:
        put_type(b, "integer", "int32");
        break;
    case SCHEMA_UINT32:
    case SCHEMA_FIXED32:
        put_type(b, "integer", "uint32");
        doc_member_int(b->out, "minimum", 0);
        doc_member_int(b->out, "maximum", UINT32_MAX);
        break;
    case SCHEMA_BOOL:
        put_type(b, "boolean", NULL);
        break;
    case SCHEMA_STRING:
        put_type(b, "string", NULL);
        break;
    case SCHEMA_BYTES:
        put_type(b, "string", NULL);
        doc_member_cstr(b->out, "contentEncoding", "base64");
        break;
    case SCHEMA_ENUM:
        put_enum(b, f);
        break;
    default:
        put_int64(b, f, side);
        break;
    }
}

// --- messages whose JSON is special ---

static void put_free_object(struct openapi_builder *b) {
    put_type(b, "object", NULL);
    doc_member_bool(b->out, "additionalProperties", true);
}

static void put_any(struct openapi_builder *b) {
    put_type(b, "object", NULL);
    doc_open_member(b->out, "properties", '{');
    doc_open_member(b->out, "@type", '{');
    put_type(b, "string", NULL);
    doc_member_cstr(b->out, "description",
                    "The type of the message whose fields stand beside it, such as "
                    "`type.googleapis.com/google.protobuf.Duration`.");
    doc_close(b->out, '}');
    doc_close(b->out, '}');
    doc_member_bool(b->out, "additionalProperties", true);
}

static void put_list_value(struct openapi_builder *b) {
    put_type(b, "array", NULL);
    doc_open_member(b->out, "items", '{');
    doc_close(b->out, '}');
}

void openapi_schema_message(struct openapi_builder *b, const struct schema_message *m,
                            enum openapi_side side) {
    switch (m->known) {
    case KNOWN_ANY:
        put_any(b);
        break;
    case KNOWN_DURATION:
        // Not the format "duration" of JSON Schema, which is ISO 8601's.
        put_type(b, "string", NULL);
        doc_member_cstr(b->out, "pattern", "^-?[0-9]+(\\.[0-9]{1,9})?s$");
        break;
    case KNOWN_FIELD_MASK:
        put_type(b, "string", NULL);
        break;
    case KNOWN_LIST_VALUE:
        put_list_value(b);
        break;
    case KNOWN_STRUCT:
        put_free_object(b);
        break;
    case KNOWN_TIMESTAMP:
        put_type(b, "string", "date-time");
        break;
    case KNOWN_VALUE:
        break; // any JSON: no member
    case KNOWN_WRAPPER:
        put_scalar(b, &m->fields[0], side);
        break;
    case KNOWN_NONE:
        refer_to_message(b, m, side);
        break;
    }
}

// --- fields ---

void openapi_schema_element(struct openapi_builder *b, const struct schema_field *f,
                            enum openapi_side side) {
    if (f->message == NULL) {
        put_scalar(b, f, side);
    } else if (f->message->known == KNOWN_WRAPPER) {
        struct schema_field value = f->message->fields[0];
        value.marks = f->marks;
        put_scalar(b, &value, side);
    } else {
        openapi_schema_message(b, f->message, side);
    }
}

void openapi_schema_text(struct openapi_builder *b, const struct schema_field *f) {
    if (f->type == SCHEMA_ENUM) {
        put_words(b, f->enumeration, leaves_zero_out(f));
    } else if (json_is_free_form(f)) {
        put_type(b, "string", NULL);
        doc_member_cstr(b->out, "contentMediaType", "application/json");
        doc_open_member(b->out, "contentSchema", '{');
        openapi_schema_element(b, f, OPENAPI_INPUT);
        doc_close(b->out, '}');
    } else {
        openapi_schema_element(b, f, OPENAPI_INPUT);
    }
}

static void put_map_keys(struct openapi_builder *b, const struct schema_field *key) {
    if (key->type == SCHEMA_STRING) {
        return;
    }
    bool is_unsigned = key->type == SCHEMA_UINT32 || key->type == SCHEMA_UINT64 ||
                       key->type == SCHEMA_FIXED32 || key->type == SCHEMA_FIXED64;
    doc_open_member(b->out, "propertyNames", '{');
    doc_member_cstr(b->out, "pattern",
                    key->type == SCHEMA_BOOL ? "^(true|false)$"
                    : is_unsigned            ? "^(0|[1-9][0-9]*)$"
                                             : "^(0|-?[1-9][0-9]*)$");
    doc_close(b->out, '}');
}

void openapi_schema_type(struct openapi_builder *b, const struct schema_field *f,
                         enum openapi_side side) {
    if (f->map) {
        put_type(b, "object", NULL);
        put_map_keys(b, schema_field_by_number(f->message, MAP_KEY));
        doc_open_member(b->out, "additionalProperties", '{');
        openapi_schema_element(b, schema_field_by_number(f->message, MAP_VALUE), side);
        doc_close(b->out, '}');
    } else if (f->repeated) {
        put_type(b, "array", NULL);
        doc_open_member(b->out, "items", '{');
        openapi_schema_element(b, f, side);
        doc_close(b->out, '}');
    } else {
        openapi_schema_element(b, f, side);
    }
}

// Rules of the type that JSON Schema does not express.
static const char *type_note(const struct schema_field *f) {
    switch (f->message != NULL ? f->message->known : KNOWN_NONE) {
    case KNOWN_DURATION:
        return "Seconds, as in `1.5s`.";
    case KNOWN_FIELD_MASK:
        return "Paths of fields in lowerCamelCase, with commas between.";
    default:
        return NULL;
    }
}

struct slice openapi_schema_note(struct openapi_builder *b, const struct schema_message *m,
                                 const struct schema_field *f) {
    struct slice name = slice_of_cstr(
        arena_printf(&b->arena, "%.*s.%.*s", SLICE_FMT(m->full_name), SLICE_FMT(f->name)));
    struct slice text = openapi_text_of(&b->arena, notes_of(&b->notes, name)).description;
    const char *type = type_note(f);
    const char *oneof = f->oneof < 0 ? NULL
                                     : arena_printf(&b->arena, "Only one field of `%.*s` is set.",
                                                    SLICE_FMT(m->oneof_names[f->oneof]));
    const char *notes[] = {type, oneof};
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        if (notes[i] != NULL) {
            text = slice_of_cstr(arena_printf(&b->arena, "%.*s%s%s", SLICE_FMT(text),
                                              text.len > 0 ? " " : "", notes[i]));
        }
    }
    return text;
}

static void put_example(struct openapi_builder *b, const struct schema_message *m,
                        const struct schema_field *f, enum openapi_side side) {
    struct slice example = openapi_examples_field(b, m, f, side);
    if (example.len > 0) {
        doc_open_member(b->out, "examples", '[');
        doc_raw(b->out, example);
        doc_close(b->out, ']');
    }
}

void openapi_schema_field(struct openapi_builder *b, const struct schema_message *m,
                          const struct schema_field *f, enum openapi_side side) {
    openapi_schema_type(b, f, side);
    struct slice note = openapi_schema_note(b, m, f);
    if (note.len > 0) {
        doc_member_text(b->out, "description", note);
    }
    if ((f->marks & SCHEMA_DEPRECATED) != 0) {
        doc_member_bool(b->out, "deprecated", true);
    }
    put_example(b, m, f, side);
    if (side == OPENAPI_REPLY && (f->marks & SCHEMA_OUTPUT_ONLY) != 0) {
        doc_member_bool(b->out, "readOnly", true);
    } else if (side == OPENAPI_INPUT && (f->marks & SCHEMA_INPUT_ONLY) != 0) {
        doc_member_bool(b->out, "writeOnly", true);
    }
}

// --- objects ---

// Whether the JSON of m always has the field.
static bool is_required(const struct schema_field *f, enum openapi_side side) {
    if (side == OPENAPI_INPUT) {
        return (f->marks & SCHEMA_REQUIRED) != 0;
    }
    bool is_set = (f->marks & SCHEMA_ALWAYS_SET) != 0 && f->oneof < 0 && !f->repeated;
    return f->required || f->json_default.len > 0 ||
           (is_set && (f->message != NULL || f->enumeration != NULL));
}

static bool is_among(const struct schema_field *f, const struct schema_field *const *fields,
                     size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (fields[i] == f) {
            return true;
        }
    }
    return false;
}

static bool is_left_out(const struct schema_field *f, enum openapi_side side,
                        const struct schema_field *const *without, size_t without_count) {
    return (side == OPENAPI_INPUT && (f->marks & SCHEMA_OUTPUT_ONLY) != 0) ||
           is_among(f, without, without_count);
}

static void put_object(struct openapi_builder *b, const struct schema_message *m,
                       enum openapi_side side, const struct schema_field *const *without,
                       size_t without_count) {
    doc_member_cstr(b->out, "type", "object");
    doc_open_member(b->out, "properties", '{');
    size_t required = 0;
    for (uint32_t i = 0; i < m->field_count; i++) {
        const struct schema_field *f = &m->fields[i];
        if (!is_left_out(f, side, without, without_count)) {
            doc_key_slice(b->out, f->json_name);
            doc_open(b->out, '{');
            openapi_schema_field(b, m, f, side);
            doc_close(b->out, '}');
            required += is_required(f, side);
        }
    }
    doc_close(b->out, '}');
    if (required > 0) {
        doc_open_member(b->out, "required", '[');
        for (uint32_t i = 0; i < m->field_count; i++) {
            const struct schema_field *f = &m->fields[i];
            if (!is_left_out(f, side, without, without_count) && is_required(f, side)) {
                doc_text(b->out, f->json_name);
            }
        }
        doc_close(b->out, ']');
    }
    if (side == OPENAPI_INPUT && !b->options->ignore_unknown) {
        doc_member_bool(b->out, "additionalProperties", false);
    }
}

void openapi_schema_body(struct openapi_builder *b, const struct schema_message *m,
                         const struct schema_field *const *without, size_t without_count) {
    if (without_count == 0 || m->known != KNOWN_NONE) {
        openapi_schema_message(b, m, OPENAPI_INPUT);
    } else {
        put_object(b, m, OPENAPI_INPUT, without, without_count);
    }
}

// --- components ---

// The title is the last part of the name, and what is said behind it.
static void put_title(struct openapi_builder *b, struct slice full_name, const char *behind,
                      struct slice note) {
    size_t n = full_name.len;
    while (n > 0 && full_name.data[n - 1] != '.') {
        n--;
    }
    doc_member_cstr(b->out, "title",
                    arena_printf(&b->arena, "%.*s%s", (int)(full_name.len - n),
                                 (const char *)full_name.data + n, behind));
    if (note.len > 0) {
        doc_member_text(b->out, "description", note);
    }
}

static void put_message_component(struct openapi_builder *b, const struct schema_message *m,
                                  enum openapi_side side) {
    doc_key(b->out, arena_printf(&b->arena, "%.*s%s", SLICE_FMT(m->full_name),
                                 side == OPENAPI_INPUT ? input_suffix : ""));
    doc_open(b->out, '{');
    put_title(b, m->full_name, side == OPENAPI_INPUT ? " (request)" : "",
              openapi_text_of(&b->arena, notes_of(&b->notes, m->full_name)).description);
    put_object(b, m, side, NULL, 0);
    doc_close(b->out, '}');
}

// The enum's comment, and those of its values as a list.
static struct slice enum_note(struct openapi_builder *b, const struct schema_enum *e) {
    struct strbuf text = STRBUF_INIT;
    strbuf_append_slice(&text,
                        openapi_text_of(&b->arena, notes_of(&b->notes, e->full_name)).description);
    bool first = true;
    for (size_t i = 0; i < e->value_count; i++) {
        struct slice name = slice_of_cstr(arena_printf(
            &b->arena, "%.*s.%.*s", SLICE_FMT(e->full_name), SLICE_FMT(e->values[i].name)));
        struct slice note = openapi_text_of(&b->arena, notes_of(&b->notes, name)).description;
        if (note.len > 0 && !e->values[i].absent) {
            strbuf_append_cstr(&text, first && text.len > 0 ? "\n\n" : first ? "" : "\n");
            struct slice word = e->numbers ? e->values[i].json_word : e->values[i].word;
            strbuf_printf(&text, "- `%.*s`: %.*s", SLICE_FMT(word), SLICE_FMT(note));
            first = false;
        }
    }
    struct slice note = arena_copy(&b->arena, strbuf_slice(&text));
    strbuf_release(&text);
    return note;
}

// A number stands for a value that the upstream knows and the descriptors do not.
static void put_enum_component(struct openapi_builder *b, const struct schema_enum *e) {
    doc_key_slice(b->out, e->full_name);
    doc_open(b->out, '{');
    put_title(b, e->full_name, "", enum_note(b, e));
    doc_open_member(b->out, "anyOf", '[');
    doc_open(b->out, '{');
    put_words(b, e, false);
    doc_close(b->out, '}');
    doc_open(b->out, '{');
    put_type(b, "integer", "int32");
    doc_close(b->out, '}');
    doc_close(b->out, ']');
    doc_close(b->out, '}');
}

// Whether a component was referred to and is not yet written; marks it as written.
static bool take_due(uint8_t *marks, enum openapi_side side) {
    uint8_t wanted = (uint8_t)(1 << side);
    uint8_t written = (uint8_t)(wanted << WRITTEN_SHIFT);
    bool is_due = (*marks & wanted) != 0 && (*marks & written) == 0;
    *marks |= is_due ? written : 0;
    return is_due;
}

void openapi_schema_components(struct openapi_builder *b) {
    // Writing a component may refer to further ones; each is written once.
    bool is_done = false;
    while (!is_done) {
        is_done = true;
        for (size_t i = 0; i < b->schema->message_count; i++) {
            for (int side = OPENAPI_REPLY; side <= OPENAPI_INPUT; side++) {
                if (take_due(&b->messages[i], (enum openapi_side)side)) {
                    put_message_component(b, &b->schema->messages[i], (enum openapi_side)side);
                    is_done = false;
                }
            }
        }
    }
    for (size_t i = 0; i < b->schema->enum_count; i++) {
        if (take_due(&b->enums[i], OPENAPI_REPLY)) {
            put_enum_component(b, &b->schema->enums[i]);
        }
    }
}
