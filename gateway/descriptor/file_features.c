#include "gateway/descriptor/file_features.h"

#include "base/core/strbuf.h"
#include "base/core/well_known_fields.h"
#include "base/core/wire.h"
#include "gateway/descriptor/descriptor_option.h"
#include "gateway/descriptor/json_names.h"

// Field numbers of descriptor.proto.
enum {
    NAME = 1, // of every element but a file
    FILE_PACKAGE = 2,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_EXTENSION = 7,
    FILE_OPTIONS = 8,
    FILE_SYNTAX = 12,
    FILE_EDITION = 14,
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    MESSAGE_EXTENSION = 6,
    MESSAGE_OPTIONS = 7,
    MESSAGE_ONEOF = 8,
    MESSAGE_OPTION_MAP_ENTRY = 7,
    ONEOF_OPTIONS = 2,
    ENUM_VALUE = 2,
    ENUM_OPTIONS = 3,
    ENUM_VALUE_OPTIONS = 3,
    FIELD_NUMBER = 3,
    FIELD_LABEL = 4,
    FIELD_TYPE = 5,
    FIELD_OPTIONS = 8,
    FIELD_ONEOF_INDEX = 9,
    FIELD_JSON_NAME = 10,
    FIELD_OPTION_PACKED = 2,
    // Where "features" stands in the options of each kind of element.
    FILE_FEATURES = 50,
    MESSAGE_FEATURES = 12,
    FIELD_FEATURES = 21,
    ONEOF_FEATURES = 1,
    ENUM_FEATURES = 7,
    ENUM_VALUE_FEATURES = 2,
};

enum { LABEL_OPTIONAL = 1, LABEL_REQUIRED = 2, LABEL_REPEATED = 3 };
enum {
    TYPE_INT64 = 3,
    TYPE_STRING = 9,
    TYPE_GROUP = 10,
    TYPE_MESSAGE = 11,
    TYPE_BYTES = 12,
    TYPE_ENUM = 14,
    TYPE_SINT64 = 18,
};

// An option of our own, the JSON name of a field that upb must not see. Numbers from 19000
// to 19999 are reserved for implementations: no proto can have them.
enum { FIELD_OPTION_JSON_NAME = 19001 };

// As deep as upb reads messages, so that no file is refused here alone.
enum { DEEPEST_MESSAGE = 64 };

struct resolver {
    struct arena *arena; // of the result
    struct arena scratch;
    enum edition edition;
    const char *fault;
};

// What stands in what: a chain from the innermost outwards.
struct element {
    const struct element *parent;
    struct slice name; // of a file its package
    struct features features;
    struct slice options;
    int depth;
};

// Where the options stand in an element of a kind, and the features in its options.
struct kind {
    uint32_t options;
    uint32_t features;
};

static const struct kind kind_file = {FILE_OPTIONS, FILE_FEATURES};
static const struct kind kind_message = {MESSAGE_OPTIONS, MESSAGE_FEATURES};
static const struct kind kind_field = {FIELD_OPTIONS, FIELD_FEATURES};
static const struct kind kind_oneof = {ONEOF_OPTIONS, ONEOF_FEATURES};
static const struct kind kind_enum = {ENUM_OPTIONS, ENUM_FEATURES};
static const struct kind kind_enum_value = {ENUM_VALUE_OPTIONS, ENUM_VALUE_FEATURES};

static bool fail_malformed(struct resolver *r) {
    r->fault = "is no google.protobuf.FileDescriptorProto";
    return false;
}

// "package.Message.field"; of a file "the file".
static const char *full_name(struct resolver *r, const struct element *e) {
    if (e->parent == NULL) {
        return "the file";
    }
    const char *name = arena_cstr(&r->scratch, e->name);
    for (const struct element *p = e->parent; p != NULL; p = p->parent) {
        if (p->name.len > 0) {
            name = arena_printf(&r->scratch, "%.*s.%s", SLICE_FMT(p->name), name);
        }
    }
    return name;
}

// Reads an element's name and options, and resolves its features.
static bool read_element(struct resolver *r, const struct element *parent, const struct kind *kind,
                         struct slice bytes, struct element *ret) {
    ret->parent = parent;
    ret->depth = parent == NULL ? 0 : parent->depth + 1;
    ret->name = descriptor_option_last(bytes, parent == NULL ? FILE_PACKAGE : NAME);
    ret->options = descriptor_option_message(&r->scratch, bytes, kind->options, NULL);
    if (parent != NULL) {
        ret->features = parent->features;
    }
    bool found;
    struct slice set = descriptor_option_message(&r->scratch, ret->options, kind->features, &found);
    if (!found) {
        return true;
    }
    const char *why = r->edition < EDITION_2023
                          ? "it has features, which only files of an edition can have"
                          : features_override(&r->scratch, set, &ret->features);
    if (why != NULL) {
        r->fault = arena_printf(r->arena, "is invalid: %s: %s", full_name(r, ret), why);
        return false;
    }
    return true;
}

static bool is_message(uint64_t type) {
    return type == TYPE_MESSAGE || type == TYPE_GROUP;
}

// Sets what holds for a field whatever it inherits (C++ and protobuf-es resolve the same).
static void fix_field(const struct element *field, struct slice bytes, bool map_entry,
                      struct features *f) {
    uint64_t label = descriptor_option_varint(bytes, FIELD_LABEL);
    uint64_t type = descriptor_option_varint(bytes, FIELD_TYPE);
    uint64_t packed;
    // Also the oneof that protoc makes for an optional field of proto3.
    bool in_oneof = descriptor_option_find_varint(bytes, FIELD_ONEOF_INDEX, &packed);
    bool is_implicit = f->values[FEATURE_FIELD_PRESENCE] == PRESENCE_IMPLICIT;
    if (label == LABEL_REQUIRED) {
        f->values[FEATURE_FIELD_PRESENCE] = PRESENCE_LEGACY_REQUIRED;
    } else if (label == LABEL_REPEATED) {
        f->values[FEATURE_FIELD_PRESENCE] = PRESENCE_IMPLICIT;
    } else if (in_oneof || (is_message(type) && is_implicit)) {
        f->values[FEATURE_FIELD_PRESENCE] = PRESENCE_EXPLICIT;
    }
    if (descriptor_option_find_varint(field->options, FIELD_OPTION_PACKED, &packed)) {
        f->values[FEATURE_REPEATED_FIELD_ENCODING] =
            packed != 0 ? ENCODING_PACKED : ENCODING_EXPANDED;
    }
    if (label != LABEL_REPEATED || is_message(type) || type == TYPE_STRING || type == TYPE_BYTES) {
        f->values[FEATURE_REPEATED_FIELD_ENCODING] = ENCODING_EXPANDED;
    }
    if (type == TYPE_GROUP) {
        f->values[FEATURE_MESSAGE_ENCODING] = MESSAGE_DELIMITED;
    } else if (map_entry) {
        f->values[FEATURE_MESSAGE_ENCODING] = MESSAGE_LENGTH_PREFIXED;
    }
    if (map_entry && f->values[FEATURE_FIELD_PRESENCE] == PRESENCE_LEGACY_REQUIRED) {
        f->values[FEATURE_FIELD_PRESENCE] = PRESENCE_EXPLICIT;
    }
}

// Appends the options of a field or enum that hold its features: upb merges them with
// those that are there.
static void put_options(struct strbuf *out, uint32_t number, uint32_t features_number,
                        const struct features *features, struct slice json_name) {
    struct strbuf set = STRBUF_INIT;
    struct strbuf options = STRBUF_INIT;
    features_put(features, &set);
    wire_put_bytes(&options, features_number, strbuf_slice(&set));
    if (json_name.len > 0) {
        wire_put_bytes(&options, FIELD_OPTION_JSON_NAME, json_name);
    }
    wire_put_bytes(out, number, strbuf_slice(&options));
    strbuf_release(&set);
    strbuf_release(&options);
}

// What a message says about its fields.
struct message {
    struct element element;
    bool map_entry;
    struct element *oneofs;
    size_t oneof_count;
    struct json_name *fields;
    size_t field_count;
};

static bool put_field(struct resolver *r, const struct message *m, struct slice bytes,
                      const struct json_name *json, struct strbuf *out) {
    struct element field = {0};
    const struct element *parent = &m->element;
    uint64_t oneof;
    if (descriptor_option_find_varint(bytes, FIELD_ONEOF_INDEX, &oneof) && oneof < m->oneof_count) {
        parent = &m->oneofs[oneof];
    }
    if (!read_element(r, parent, &kind_field, bytes, &field)) {
        return false;
    }
    struct features features = field.features;
    fix_field(&field, bytes, m->map_entry, &features);
    strbuf_append_slice(out, bytes);
    if (json->hidden || slice_equal(json->json_name, json->name)) {
        wire_put_bytes(out, FIELD_JSON_NAME, json->name);
    }
    put_options(out, FIELD_OPTIONS, FIELD_FEATURES, &features,
                json->hidden ? json->json_name : SLICE_EMPTY);
    return true;
}

static bool put_enum(struct resolver *r, const struct element *parent, struct slice bytes,
                     struct strbuf *out) {
    struct element e = {0};
    if (!read_element(r, parent, &kind_enum, bytes, &e)) {
        return false;
    }
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    while (p < end) {
        struct wire_field field;
        struct element value = {0};
        if (!wire_read_field(&p, end, &field)) {
            return fail_malformed(r);
        }
        // No feature is about a value, but a malformed one is found.
        if (field.number == ENUM_VALUE && field.type == WIRE_BYTES &&
            !read_element(r, &e, &kind_enum_value, field.bytes, &value)) {
            return false;
        }
    }
    strbuf_append_slice(out, bytes);
    put_options(out, ENUM_OPTIONS, ENUM_FEATURES, &e.features, SLICE_EMPTY);
    return true;
}

// Reads the message's own features, its oneofs and the names of its fields.
static bool read_message(struct resolver *r, const struct element *parent, struct slice bytes,
                         struct message *ret) {
    if (!read_element(r, parent, &kind_message, bytes, &ret->element)) {
        return false;
    }
    ret->map_entry = descriptor_option_varint(ret->element.options, MESSAGE_OPTION_MAP_ENTRY) != 0;
    const uint8_t *end = bytes.data + bytes.len;
    struct wire_field field;
    size_t fields = 0;
    size_t oneofs = 0;
    for (const uint8_t *p = bytes.data; p < end;) {
        if (!wire_read_field(&p, end, &field)) {
            return fail_malformed(r);
        }
        fields += field.number == MESSAGE_FIELD && field.type == WIRE_BYTES;
        oneofs += field.number == MESSAGE_ONEOF && field.type == WIRE_BYTES;
    }
    ret->fields = ARENA_ARRAY(&r->scratch, struct json_name, fields + 1);
    ret->oneofs = ARENA_ARRAY(&r->scratch, struct element, oneofs + 1);
    for (const uint8_t *p = bytes.data; p < end && wire_read_field(&p, end, &field);) {
        if (field.type != WIRE_BYTES) {
            continue;
        }
        if (field.number == MESSAGE_FIELD) {
            struct json_name *f = &ret->fields[ret->field_count++];
            f->name = descriptor_option_last(field.bytes, NAME);
            f->json_name = descriptor_option_last(field.bytes, FIELD_JSON_NAME);
        } else if (field.number == MESSAGE_ONEOF &&
                   !read_element(r, &ret->element, &kind_oneof, field.bytes,
                                 &ret->oneofs[ret->oneof_count++])) {
            return false;
        }
    }
    uint8_t format = ret->element.features.values[FEATURE_JSON_FORMAT];
    json_names_settle(&r->scratch, ret->fields, ret->field_count,
                      format == JSON_LEGACY_BEST_EFFORT);
    return true;
}

// What a key of a map can be.
static bool is_key_type(uint64_t type) {
    return type >= TYPE_INT64 && type <= TYPE_SINT64 && type != TYPE_GROUP &&
           type != TYPE_MESSAGE && type != TYPE_BYTES && type != TYPE_ENUM;
}

// A map's entry has a key and a value: upb takes that for granted, and would crash.
static bool check_entry(struct resolver *r, const struct element *entry, struct slice bytes) {
    uint64_t types[MAP_VALUE + 1] = {0};
    size_t count = 0;
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    struct wire_field member;
    while (p < end && wire_read_field(&p, end, &member)) {
        if (member.number == MESSAGE_FIELD && member.type == WIRE_BYTES) {
            uint64_t number = descriptor_option_varint(member.bytes, FIELD_NUMBER);
            uint64_t label = descriptor_option_varint(member.bytes, FIELD_LABEL);
            count++;
            if ((number == MAP_KEY || number == MAP_VALUE) && label == LABEL_OPTIONAL) {
                types[number] = descriptor_option_varint(member.bytes, FIELD_TYPE);
            }
        }
    }
    if (count == 2 && is_key_type(types[MAP_KEY]) && types[MAP_VALUE] != 0 &&
        types[MAP_VALUE] != TYPE_GROUP) {
        return true;
    }
    r->fault = arena_printf(r->arena, "is invalid: %s: the entry of a map has a key and a value",
                            full_name(r, entry));
    return false;
}

// Where elements stand in a file or message; a file has no fields.
struct member_numbers {
    uint32_t field;
    uint32_t message;
    uint32_t enumeration;
    uint32_t extension;
};

static const struct member_numbers numbers_file = {0, FILE_MESSAGE, FILE_ENUM, FILE_EXTENSION};
static const struct member_numbers numbers_message = {MESSAGE_FIELD, MESSAGE_NESTED, MESSAGE_ENUM,
                                                      MESSAGE_EXTENSION};

static bool put_message(struct resolver *r, const struct element *parent, struct slice bytes,
                        struct strbuf *out);

// An element of a file or message; puts its bytes as they are if they hold no features
// that matter.
static bool put_member(struct resolver *r, const struct message *m,
                       const struct member_numbers *numbers, const struct wire_field *member,
                       size_t *field_index, struct strbuf *out) {
    if (member->number == numbers->field) {
        return put_field(r, m, member->bytes, &m->fields[(*field_index)++], out);
    }
    if (member->number == numbers->message) {
        return put_message(r, &m->element, member->bytes, out);
    }
    if (member->number == numbers->enumeration) {
        return put_enum(r, &m->element, member->bytes, out);
    }
    strbuf_append_slice(out, member->bytes);
    // JSON leaves extensions out, but a malformed feature is found.
    struct element extension = {0};
    return member->number != numbers->extension ||
           read_element(r, &m->element, &kind_field, member->bytes, &extension);
}

static bool put_members(struct resolver *r, const struct message *m,
                        const struct member_numbers *numbers, struct slice bytes,
                        struct strbuf *out) {
    struct strbuf inner = STRBUF_INIT;
    size_t field_index = 0;
    bool ok = true;
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    while (ok && p < end) {
        const uint8_t *start = p;
        struct wire_field member;
        ok = wire_read_field(&p, end, &member) || fail_malformed(r);
        if (ok && member.type == WIRE_BYTES) {
            inner.len = 0;
            ok = put_member(r, m, numbers, &member, &field_index, &inner);
            wire_put_bytes(out, member.number, strbuf_slice(&inner));
        } else if (ok) {
            strbuf_append(out, start, (size_t)(p - start));
        }
    }
    strbuf_release(&inner);
    return ok;
}

static bool put_message(struct resolver *r, const struct element *parent, struct slice bytes,
                        struct strbuf *out) {
    struct message m = {.map_entry = false};
    if (parent->depth >= DEEPEST_MESSAGE) {
        r->fault = arena_printf(r->arena, "has messages nested deeper than %d", DEEPEST_MESSAGE);
        return false;
    }
    return read_message(r, parent, bytes, &m) &&
           (!m.map_entry || check_entry(r, &m.element, bytes)) &&
           put_members(r, &m, &numbers_message, bytes, out);
}

// Reads the file's edition and what holds in all of it.
static bool read_file(struct resolver *r, struct slice bytes, struct element *ret) {
    struct slice syntax = descriptor_option_last(bytes, FILE_SYNTAX);
    uint64_t edition = EDITION_PROTO2; // also of what upb refuses
    if (slice_equal_cstr(syntax, "editions")) {
        edition = descriptor_option_varint(bytes, FILE_EDITION);
        if (edition < EDITION_2023 || !features_defaults(edition, &ret->features)) {
            r->fault = arena_printf(r->arena,
                                    "is of edition number %lld of google.protobuf.Edition, which "
                                    "is not known; known are %s",
                                    (long long)edition, features_known_editions);
            return false;
        }
    } else if (slice_equal_cstr(syntax, "proto3")) {
        edition = EDITION_PROTO3;
    }
    r->edition = (enum edition)edition;
    features_defaults(edition, &ret->features);
    return read_element(r, NULL, &kind_file, bytes, ret);
}

bool file_features_resolve(struct arena *a, struct slice file, struct slice *ret_file,
                           const char **ret_fault) {
    struct resolver r = {.arena = a};
    struct message m = {.map_entry = false}; // without fields
    struct strbuf out = STRBUF_INIT;
    arena_init(&r.scratch);
    bool ok = read_file(&r, file, &m.element) && put_members(&r, &m, &numbers_file, file, &out);
    if (ok && r.edition >= EDITION_2023) {
        wire_put_bytes(&out, FILE_SYNTAX, slice_of_cstr("proto2")); // the last one counts
    }
    if (ok) {
        *ret_file = arena_copy(a, strbuf_slice(&out));
    } else {
        *ret_fault = r.fault;
    }
    strbuf_release(&out);
    arena_release(&r.scratch);
    return ok;
}

struct features file_features_of_field(struct arena *a, struct slice options) {
    return features_read(descriptor_option_message(a, options, FIELD_FEATURES, NULL));
}

struct slice file_features_json_name(struct slice options) {
    return descriptor_option_last(options, FIELD_OPTION_JSON_NAME);
}

struct features file_features_of_enum(struct arena *a, struct slice options) {
    return features_read(descriptor_option_message(a, options, ENUM_FEATURES, NULL));
}
