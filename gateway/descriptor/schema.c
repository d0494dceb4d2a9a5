#include "gateway/descriptor/schema.h"

#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"
#include "base/core/strbuf.h"
#include "base/core/wire.h"
#include "gateway/descriptor/descriptor_pool.h"
#include "gateway/descriptor/file_features.h"
#include "gateway/descriptor/schema_default.h"
#include "gateway/descriptor/schema_hash.h"
#include "gateway/descriptor/schema_internal.h"

// Numbers of options.
enum {
    OPTION_HTTP = 72295728,         // google.api.http
    OPTION_MESSAGE_JSON = 51201,    // runsd.gateway.v1.message_json
    OPTION_ENUM_VALUE_JSON = 51202, // runsd.gateway.v1.enum_value_json
    OPTION_VERIFIES_CALLER = 51203, // runsd.gateway.v1.verifies_caller
    MESSAGE_JSON_EMIT_DEFAULTS = 1,
    ENUM_VALUE_JSON_NAME = 1,
    OPTION_PB_ENUM_VALUE_JSON = 998, // pb.enumvalue.json: protobuf's own, since its release 36
    PB_ENUM_VALUE_JSON_STRING = 1,
    ENUM_VALUE_JSON_ABSENT = 2,
    FIELD_OPTION_JSTYPE = 6,
    METHOD_OPTION_DEPRECATED = 33,
    JS_NUMBER = 2,
};

struct compiler {
    struct arena *errors;
    struct arena *arena; // the schema's
    struct arena scratch;
    struct schema *schema;
    struct schema_spelling spelling;
    const upb_MessageDef **message_defs; // in order of schema->messages
    const upb_EnumDef **enum_defs;
};

static struct slice copy_text(struct compiler *c, const char *text) {
    return arena_copy(c->arena, slice_of_cstr(text));
}

static struct slice json_string(struct compiler *c, struct slice text, const char *behind) {
    struct strbuf b = STRBUF_INIT;
    strbuf_append_json_string(&b, text);
    strbuf_append_cstr(&b, behind);
    struct slice copy = arena_copy(c->arena, strbuf_slice(&b));
    strbuf_release(&b);
    return copy;
}

static uint32_t slots_for(size_t count) {
    uint32_t size = 2;
    while (size < count * 2) {
        size *= 2;
    }
    return size;
}

static int compare_names(const void *a, const void *b) {
    return slice_compare(((const struct schema_enum_name *)a)->name,
                         ((const struct schema_enum_name *)b)->name);
}

// By number; of aliases the first declared first.
static int compare_values(const void *a, const void *b) {
    const struct schema_enum_value *x = *(const struct schema_enum_value *const *)a;
    const struct schema_enum_value *y = *(const struct schema_enum_value *const *)b;
    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return x < y ? -1 : x > y;
}

static int compare_fields(const void *a, const void *b) {
    uint32_t x = (*(const struct schema_field *const *)a)->number;
    uint32_t y = (*(const struct schema_field *const *)b)->number;
    return x < y ? -1 : x > y;
}

static enum schema_known known_message(struct slice name) {
    static const struct {
        const char *name;
        enum schema_known known;
    } rows[] = {
        {"google.protobuf.Any", KNOWN_ANY},
        {"google.protobuf.Duration", KNOWN_DURATION},
        {"google.protobuf.FieldMask", KNOWN_FIELD_MASK},
        {"google.protobuf.ListValue", KNOWN_LIST_VALUE},
        {"google.protobuf.Struct", KNOWN_STRUCT},
        {"google.protobuf.Timestamp", KNOWN_TIMESTAMP},
        {"google.protobuf.Value", KNOWN_VALUE},
        {"google.protobuf.BoolValue", KNOWN_WRAPPER},
        {"google.protobuf.BytesValue", KNOWN_WRAPPER},
        {"google.protobuf.DoubleValue", KNOWN_WRAPPER},
        {"google.protobuf.FloatValue", KNOWN_WRAPPER},
        {"google.protobuf.Int32Value", KNOWN_WRAPPER},
        {"google.protobuf.Int64Value", KNOWN_WRAPPER},
        {"google.protobuf.StringValue", KNOWN_WRAPPER},
        {"google.protobuf.UInt32Value", KNOWN_WRAPPER},
        {"google.protobuf.UInt64Value", KNOWN_WRAPPER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (slice_equal_cstr(name, rows[i].name)) {
            return rows[i].known;
        }
    }
    return KNOWN_NONE;
}

// Calls visit for each message of the pool, nested ones behind their parent.
static void walk_messages(const upb_MessageDef *m, void (*visit)(void *, const upb_MessageDef *),
                          void *context) {
    visit(context, m);
    for (int i = 0; i < upb_MessageDef_NestedMessageCount(m); i++) {
        walk_messages(upb_MessageDef_NestedMessage(m, i), visit, context);
    }
}

static void count_message(void *context, const upb_MessageDef *m) {
    struct schema *s = context;
    s->message_count++;
    s->enum_count += (size_t)upb_MessageDef_NestedEnumCount(m);
}

static void note_message(void *context, const upb_MessageDef *m) {
    struct compiler *c = context;
    c->message_defs[c->schema->message_count++] = m;
    for (int i = 0; i < upb_MessageDef_NestedEnumCount(m); i++) {
        c->enum_defs[c->schema->enum_count++] = upb_MessageDef_NestedEnum(m, i);
    }
}

static void collect_defs(struct compiler *c, const struct descriptor_pool *pool) {
    struct schema *s = c->schema;
    for (size_t f = 0; f < pool->file_count; f++) {
        s->enum_count += (size_t)upb_FileDef_TopLevelEnumCount(pool->files[f]);
        for (int i = 0; i < upb_FileDef_TopLevelMessageCount(pool->files[f]); i++) {
            walk_messages(upb_FileDef_TopLevelMessage(pool->files[f], i), count_message, s);
        }
    }
    c->message_defs = ARENA_ARRAY(&c->scratch, const upb_MessageDef *, s->message_count);
    c->enum_defs = ARENA_ARRAY(&c->scratch, const upb_EnumDef *, s->enum_count);
    s->messages = ARENA_ARRAY(c->arena, struct schema_message, s->message_count);
    s->enums = ARENA_ARRAY(c->arena, struct schema_enum, s->enum_count);
    s->message_count = 0;
    s->enum_count = 0;
    for (size_t f = 0; f < pool->file_count; f++) {
        for (int i = 0; i < upb_FileDef_TopLevelEnumCount(pool->files[f]); i++) {
            c->enum_defs[s->enum_count++] = upb_FileDef_TopLevelEnum(pool->files[f], i);
        }
        for (int i = 0; i < upb_FileDef_TopLevelMessageCount(pool->files[f]); i++) {
            walk_messages(upb_FileDef_TopLevelMessage(pool->files[f], i), note_message, c);
        }
    }
}

static void index_messages(struct compiler *c) {
    struct schema *s = c->schema;
    uint32_t size = slots_for(s->message_count);
    s->message_slots = ARENA_ARRAY(c->arena, const struct schema_message *, size);
    s->message_mask = size - 1;
    for (size_t i = 0; i < s->message_count; i++) {
        struct schema_message *m = &s->messages[i];
        m->full_name = copy_text(c, upb_MessageDef_FullName(c->message_defs[i]));
        m->known = known_message(m->full_name);
        size_t at = schema_hash(m->full_name) & s->message_mask;
        while (s->message_slots[at] != NULL) {
            at = (at + 1) & s->message_mask;
        }
        s->message_slots[at] = m;
    }
}

static const struct schema_enum *find_enum(const struct compiler *c, const upb_EnumDef *def) {
    for (size_t i = 0; i < c->schema->enum_count; i++) {
        if (c->enum_defs[i] == def) {
            return &c->schema->enums[i];
        }
    }
    return NULL;
}

// The word of an enum's value; empty: it has none but its name.
static struct slice word_of(struct compiler *c, struct slice options, struct slice json) {
    struct slice word = descriptor_option_last(json, ENUM_VALUE_JSON_NAME);
    if (word.len == 0) {
        struct slice standard =
            descriptor_option_message(&c->scratch, options, OPTION_PB_ENUM_VALUE_JSON, NULL);
        word = descriptor_option_last(standard, PB_ENUM_VALUE_JSON_STRING);
    }
    return word;
}

// Returns whether the value has a word.
static bool compile_value(struct compiler *c, struct schema_enum_value *value,
                          const upb_EnumValueDef *def) {
    value->number = upb_EnumValueDef_Number(def);
    value->name = copy_text(c, upb_EnumValueDef_Name(def));
    struct slice options = descriptor_options_bytes(&c->scratch, upb_EnumValueDef_Options(def),
                                                    &google_protobuf_EnumValueOptions_msginit);
    struct slice json =
        descriptor_option_message(&c->scratch, options, OPTION_ENUM_VALUE_JSON, NULL);
    struct slice word = word_of(c, options, json);
    value->word = word.len == 0 ? value->name : arena_copy(c->arena, word);
    value->absent = descriptor_option_varint(json, ENUM_VALUE_JSON_ABSENT) != 0;
    value->json_word = value->absent ? slice_of_cstr(arena_printf(c->arena, "%d", value->number))
                                     : json_string(c, value->word, "");
    schema_reason_read(c->arena, &c->scratch, options, value);
    return word.len != 0;
}

// Sorts the names of an enum, of which no two may mean different numbers.
static const struct error *settle_names(struct compiler *c, const struct schema_enum *e,
                                        struct schema_enum_name *names) {
    qsort(names, e->name_count, sizeof(names[0]), compare_names);
    for (size_t i = 1; i < e->name_count; i++) {
        if (slice_equal(names[i - 1].name, names[i].name) &&
            names[i - 1].number != names[i].number) {
            return error_new(c->errors, STATUS_INVALID_ARGUMENT, REASON_DESCRIPTOR_INVALID,
                             "enum %.*s: \"%.*s\" is the word of both %d and %d",
                             SLICE_FMT(e->full_name), SLICE_FMT(names[i].name), names[i - 1].number,
                             names[i].number);
        }
    }
    return NULL;
}

static const struct error *compile_enum(struct compiler *c, struct schema_enum *e,
                                        const upb_EnumDef *def) {
    e->full_name = copy_text(c, upb_EnumDef_FullName(def));
    e->null_value = slice_equal_cstr(e->full_name, "google.protobuf.NullValue");
    struct slice options = descriptor_options_bytes(&c->scratch, upb_EnumDef_Options(def),
                                                    &google_protobuf_EnumOptions_msginit);
    struct features holds = file_features_of_enum(&c->scratch, options);
    e->closed = holds.values[FEATURE_ENUM_TYPE] == ENUM_CLOSED;
    e->value_count = (size_t)upb_EnumDef_ValueCount(def);
    struct schema_enum_value *values =
        ARENA_ARRAY(c->arena, struct schema_enum_value, e->value_count);
    struct schema_enum_name *names =
        ARENA_ARRAY(c->arena, struct schema_enum_name, e->value_count * 2);
    e->by_number = ARENA_ARRAY(c->arena, const struct schema_enum_value *, e->value_count);
    bool has_words = false;
    for (size_t i = 0; i < e->value_count; i++) {
        struct schema_enum_value *value = &values[i];
        bool has_word = compile_value(c, value, upb_EnumDef_Value(def, (int)i));
        e->has_absent = e->has_absent || value->absent;
        names[e->name_count++] = (struct schema_enum_name){value->name, value->number};
        if (has_word) {
            names[e->name_count++] = (struct schema_enum_name){value->word, value->number};
        }
        has_words = has_words || has_word;
        e->by_number[i] = value;
    }
    e->values = values;
    e->names = names;
    if (c->spelling.enums_as_numbers) {
        schema_spell_numbers(c->arena, e, has_words);
    }
    qsort(e->by_number, e->value_count, sizeof(e->by_number[0]), compare_values);
    for (size_t i = 0; i < e->value_count; i++) {
        if (i == 0 || e->by_number[i]->number != e->by_number[i - 1]->number) {
            e->by_number[e->number_count++] = e->by_number[i];
        }
    }
    return settle_names(c, e, names);
}

static uint8_t wire_type_of(int type) {
    switch (type) {
    case SCHEMA_DOUBLE:
    case SCHEMA_FIXED64:
    case SCHEMA_SFIXED64:
        return WIRE_FIXED64;
    case SCHEMA_FLOAT:
    case SCHEMA_FIXED32:
    case SCHEMA_SFIXED32:
        return WIRE_FIXED32;
    case SCHEMA_STRING:
    case SCHEMA_BYTES:
    case SCHEMA_MESSAGE:
        return WIRE_BYTES;
    case SCHEMA_GROUP:
        return WIRE_GROUP_START;
    default:
        return WIRE_VARINT;
    }
}

// Sets what the features of the field decide (file_features.h).
static void compile_features(struct compiler *c, struct schema_field *f, struct slice options) {
    struct features holds = file_features_of_field(&c->scratch, options);
    const uint8_t *values = holds.values;
    if (f->type == SCHEMA_MESSAGE && !f->map &&
        values[FEATURE_MESSAGE_ENCODING] == MESSAGE_DELIMITED) {
        f->type = SCHEMA_GROUP;
    }
    f->wire_type = wire_type_of(f->type);
    f->packed = values[FEATURE_REPEATED_FIELD_ENCODING] == ENCODING_PACKED;
    f->presence = !f->repeated && values[FEATURE_FIELD_PRESENCE] != PRESENCE_IMPLICIT;
    f->any_bytes = f->type == SCHEMA_STRING && values[FEATURE_UTF8_VALIDATION] == UTF8_NONE;
    f->required = values[FEATURE_FIELD_PRESENCE] == PRESENCE_LEGACY_REQUIRED;
    f->marks |= f->required ? SCHEMA_REQUIRED : 0;
}

static void compile_field(struct compiler *c, struct schema_field *f, const upb_FieldDef *def) {
    f->number = upb_FieldDef_Number(def);
    f->type = (uint8_t)upb_FieldDef_Type(def);
    f->repeated = upb_FieldDef_IsRepeated(def);
    f->map = upb_FieldDef_IsMap(def);
    struct slice options = descriptor_options_bytes(&c->scratch, upb_FieldDef_Options(def),
                                                    &google_protobuf_FieldOptions_msginit);
    f->name = copy_text(c, upb_FieldDef_Name(def));
    struct slice json_name = file_features_json_name(options);
    f->json_name = json_name.len > 0 ? arena_copy(c->arena, json_name)
                                     : copy_text(c, upb_FieldDef_JsonName(def));
    if (c->spelling.proto_names) {
        schema_spell_name(f);
    }
    f->json_key = json_string(c, f->json_name, ":");
    f->number_in_json = descriptor_option_varint(options, FIELD_OPTION_JSTYPE) == JS_NUMBER;
    f->marks = schema_marks_of(&c->scratch, options);
    f->example = arena_copy(c->arena, schema_example_of(&c->scratch, options));
    compile_features(c, f, options);
    const upb_OneofDef *oneof = upb_FieldDef_RealContainingOneof(def);
    f->oneof = oneof == NULL ? -1 : (int32_t)upb_OneofDef_Index(oneof);
    if (f->type == SCHEMA_MESSAGE || f->type == SCHEMA_GROUP) {
        f->message = schema_find_message(
            c->schema, slice_of_cstr(upb_MessageDef_FullName(upb_FieldDef_MessageSubDef(def))));
        CHECK(f->message != NULL);
    } else if (f->type == SCHEMA_ENUM) {
        f->enumeration = find_enum(c, upb_FieldDef_EnumSubDef(def));
        CHECK(f->enumeration != NULL);
    }
    f->selective = f->repeated || (f->enumeration != NULL && f->enumeration->closed);
    if (f->message == NULL && !f->repeated) {
        schema_default_of(c->arena, def, &f->default_value, &f->default_bytes);
    }
}

static void enter_name(struct schema_message *m, const struct schema_field *f, struct slice name) {
    uint32_t at = schema_hash(name) & m->slot_mask;
    while (m->slots[at] != NULL) {
        at = (at + 1) & m->slot_mask;
    }
    m->slots[at] = f;
}

static void index_fields(struct compiler *c, struct schema_message *m) {
    uint32_t size = slots_for((size_t)m->field_count * 2);
    m->slots = ARENA_ARRAY(c->arena, const struct schema_field *, size);
    m->slot_mask = size - 1;
    m->sparse = ARENA_ARRAY(c->arena, const struct schema_field *, m->field_count);
    for (uint32_t i = 0; i < m->field_count; i++) {
        const struct schema_field *f = &m->fields[i];
        enter_name(m, f, f->json_name);
        if (f->number < SCHEMA_DENSE_NUMBERS) {
            m->dense[f->number] = (uint16_t)(i + 1);
        } else {
            m->sparse[m->sparse_count++] = f;
        }
    }
    for (uint32_t i = 0; i < m->field_count; i++) {
        const struct schema_field *f = &m->fields[i];
        struct slice other = f->json_alias.len > 0 ? f->json_alias : f->name;
        if (!slice_equal(other, f->json_name)) {
            enter_name(m, f, other);
        }
    }
    qsort(m->sparse, m->sparse_count, sizeof(m->sparse[0]), compare_fields);
}

static void compile_message(struct compiler *c, struct schema_message *m,
                            const upb_MessageDef *def) {
    m->field_count = (uint32_t)upb_MessageDef_FieldCount(def);
    struct schema_field *fields = ARENA_ARRAY(c->arena, struct schema_field, m->field_count);
    m->fields = fields;
    for (uint32_t i = 0; i < m->field_count; i++) {
        compile_field(c, &fields[i], upb_MessageDef_Field(def, (int)i));
        fields[i].index = i;
        if (fields[i].map) {
            ((struct schema_message *)fields[i].message)->map_entry = true;
        }
    }
    m->oneof_count = (uint32_t)upb_MessageDef_OneofCount(def);
    struct slice *oneofs = ARENA_ARRAY(c->arena, struct slice, m->oneof_count);
    for (uint32_t i = 0; i < m->oneof_count; i++) {
        oneofs[i] = copy_text(c, upb_OneofDef_Name(upb_MessageDef_Oneof(def, (int)i)));
    }
    m->oneof_names = oneofs;
    struct slice options = descriptor_options_bytes(&c->scratch, upb_MessageDef_Options(def),
                                                    &google_protobuf_MessageOptions_msginit);
    struct slice json = descriptor_option_message(&c->scratch, options, OPTION_MESSAGE_JSON, NULL);
    m->emit_defaults = descriptor_option_varint(json, MESSAGE_JSON_EMIT_DEFAULTS) != 0;
    bool is_own = m->emit_defaults;
    m->emit_defaults = is_own || c->spelling.emit_defaults;
    if (m->emit_defaults) {
        schema_spell_defaults(c->arena, fields, m->field_count, is_own);
    }
    index_fields(c, m);
}

static void compile_method(struct compiler *c, struct schema_method *ret, const char *file,
                           const upb_ServiceDef *service, const upb_MethodDef *def) {
    const char *service_name = upb_ServiceDef_FullName(service);
    const char *name = upb_MethodDef_Name(def);
    ret->path = arena_printf(c->arena, "/%s/%s", service_name, name);
    ret->name = arena_printf(c->arena, "%s.%s", service_name, name);
    ret->file = file;
    ret->input = schema_find_message(
        c->schema, slice_of_cstr(upb_MessageDef_FullName(upb_MethodDef_InputType(def))));
    ret->output = schema_find_message(
        c->schema, slice_of_cstr(upb_MessageDef_FullName(upb_MethodDef_OutputType(def))));
    ret->client_streaming = upb_MethodDef_ClientStreaming(def);
    ret->server_streaming = upb_MethodDef_ServerStreaming(def);
    struct slice options = descriptor_options_bytes(&c->scratch, upb_MethodDef_Options(def),
                                                    &google_protobuf_MethodOptions_msginit);
    struct slice http =
        descriptor_option_message(&c->scratch, options, OPTION_HTTP, &ret->has_http);
    ret->http = arena_copy(c->arena, http);
    ret->verifies_caller = descriptor_option_varint(options, OPTION_VERIFIES_CALLER) != 0;
    ret->reply_example = arena_copy(c->arena, schema_reply_example_of(&c->scratch, options));
    ret->deprecated = descriptor_option_varint(options, METHOD_OPTION_DEPRECATED) != 0;
}

static void compile_methods(struct compiler *c, const struct descriptor_pool *pool) {
    struct schema *s = c->schema;
    for (size_t f = 0; f < pool->file_count; f++) {
        for (int i = 0; i < upb_FileDef_ServiceCount(pool->files[f]); i++) {
            s->method_count +=
                (size_t)upb_ServiceDef_MethodCount(upb_FileDef_Service(pool->files[f], i));
        }
    }
    s->methods = ARENA_ARRAY(c->arena, struct schema_method, s->method_count);
    size_t at = 0;
    for (size_t f = 0; f < pool->file_count; f++) {
        char *file = arena_cstr(c->arena, slice_of_cstr(upb_FileDef_Name(pool->files[f])));
        for (int i = 0; i < upb_FileDef_ServiceCount(pool->files[f]); i++) {
            const upb_ServiceDef *service = upb_FileDef_Service(pool->files[f], i);
            for (int k = 0; k < upb_ServiceDef_MethodCount(service); k++) {
                compile_method(c, &s->methods[at++], file, service,
                               upb_ServiceDef_Method(service, k));
            }
        }
    }
}

static const struct error *compile(struct compiler *c, const struct descriptor_pool *pool) {
    collect_defs(c, pool);
    index_messages(c);
    for (size_t i = 0; i < c->schema->enum_count; i++) {
        const struct error *error = compile_enum(c, &c->schema->enums[i], c->enum_defs[i]);
        if (error != NULL) {
            return error;
        }
    }
    for (size_t i = 0; i < c->schema->message_count; i++) {
        compile_message(c, &c->schema->messages[i], c->message_defs[i]);
    }
    schema_required_mark(&c->scratch, c->schema->messages, c->schema->message_count);
    compile_methods(c, pool);
    return schema_reasons_compile(c->schema, c->errors);
}

const struct error *schema_new(struct arena *a, const struct slice *descriptor_sets, size_t count,
                               struct schema **ret_schema) {
    return schema_new_spelled(a, descriptor_sets, count, (struct schema_spelling){0}, ret_schema);
}

const struct error *schema_new_spelled(struct arena *a, const struct slice *descriptor_sets,
                                       size_t count, struct schema_spelling spelling,
                                       struct schema **ret_schema) {
    struct descriptor_pool pool;
    const struct error *error = descriptor_pool_load(a, descriptor_sets, count, &pool);
    if (error != NULL) {
        return error;
    }
    struct schema *s = mem_zalloc(sizeof(*s));
    arena_init(&s->arena);
    s->is_respelled = spelling.proto_names || spelling.enums_as_numbers;
    struct compiler c = {.errors = a, .arena = &s->arena, .schema = s, .spelling = spelling};
    arena_init(&c.scratch);
    error = compile(&c, &pool);
    arena_release(&c.scratch);
    descriptor_pool_release(&pool);
    if (error != NULL) {
        schema_free(s);
        return error;
    }
    *ret_schema = s;
    return NULL;
}

void schema_free(struct schema *schema) {
    if (schema != NULL) {
        arena_release(&schema->arena);
        free(schema);
    }
}
