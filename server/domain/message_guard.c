#include "server/domain/message_guard.h"

#include <stdio.h>

#include "base/core/utf8.h"
#include "base/core/well_known_fields.h"
#include "base/core/wire.h"
#include "google/protobuf/struct.pb-c.h"
#include "server/domain/message_nul.h"
#include "server/domain/violations.h"

// What the walk needs all along.
struct guard {
    struct arena *arena;
    struct slice bytes; // the whole message
    // A copy of bytes with MESSAGE_NUL for each U+0000 of free-form text; NULL: there is none.
    uint8_t *copy;
};

// Where the walk is, innermost first.
struct place {
    const struct place *outer;
    const ProtobufCMessageDescriptor *type; // that has the field
    const char *name;                       // the field's, in proto spelling
    int index;                              // -1: the field is not repeated
    struct slice bytes;                     // the field's; of a message
};

// google.protobuf.Struct's entries, Value and ListValue are no objects in JSON: a path has an
// entry's key, and an item's index, instead of their fields.
static bool is_entry(const ProtobufCMessageDescriptor *type) {
    return type == &google__protobuf__struct__fields_entry__descriptor;
}

static bool is_hidden(const struct place *place) {
    return is_entry(place->type) || place->type == &google__protobuf__value__descriptor;
}

static void append_name(struct strbuf *out, const char *name) {
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '_' && p[1] >= 'a' && p[1] <= 'z') {
            p++;
            strbuf_append_byte(out, (uint8_t)(*p - 'a' + 'A'));
        } else {
            strbuf_append_byte(out, (uint8_t)*p);
        }
    }
}

// Appends the JSON path of place to out.
static void append_path(struct arena *a, struct strbuf *out, const struct place *place) {
    if (place == NULL) {
        return;
    }
    append_path(a, out, place->outer);
    if (is_hidden(place)) {
        return;
    }
    if (place->type == &google__protobuf__struct__descriptor) {
        const char *outer = arena_cstr(a, strbuf_slice(out));
        const char *path =
            violations_path_text(a, outer, message_field_bytes(place->bytes, MAP_KEY));
        out->len = 0;
        strbuf_append_cstr(out, path);
        return;
    }
    if (place->type != &google__protobuf__list_value__descriptor) {
        strbuf_append_cstr(out, out->len > 0 ? "." : "");
        append_name(out, place->name);
    }
    if (place->index >= 0) {
        strbuf_printf(out, "[%d]", place->index);
    }
}

static const struct error *refuse(const struct guard *g, const struct place *place,
                                  const char *why) {
    struct arena *a = g->arena;
    struct strbuf path = STRBUF_INIT;
    append_path(a, &path, place);
    // A path of a hundred levels does not help a reader.
    enum { LONGEST_PATH = 200 };
    const char *cut = path.len > LONGEST_PATH ? "..." : "";
    struct slice shown = utf8_cut(strbuf_slice(&path), LONGEST_PATH);
    const char *field = arena_printf(a, "%.*s%s", SLICE_FMT(shown), cut);
    strbuf_release(&path);
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_MESSAGE_MALFORMED, "%s %s",
                                field[0] != '\0' ? field : "the message", why);
    error_add_violation(e, a, field, "%s", why);
    return e;
}

static enum wire_type wire_type_of(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_FIXED32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_BYTES;
    default:
        return WIRE_VARINT;
    }
}

static const struct error *check_message(struct guard *g, const ProtobufCMessageDescriptor *type,
                                         struct slice bytes, const struct place *place, int depth);

// Whether text may hold U+0000 there: in free-form objects, of which the bytes are stored as
// they came.
static bool takes_nul(const struct place *place) {
    return is_hidden(place);
}

// Puts MESSAGE_NUL in place of each U+0000 of text, which is of g->bytes, in the copy.
static void replace_nuls(struct guard *g, struct slice text) {
    if (g->copy == NULL) {
        struct slice copy = arena_copy(g->arena, g->bytes);
        g->copy = (uint8_t *)copy.data;
    }
    uint8_t *p = g->copy + (text.data - g->bytes.data);
    for (size_t i = 0; i < text.len; i++) {
        if (p[i] == '\0') {
            p[i] = MESSAGE_NUL;
        }
    }
}

static const struct error *check_text(struct guard *g, struct slice text,
                                      const struct place *place) {
    if (!utf8_valid(text)) {
        return refuse(g, place, "is not UTF-8");
    }
    if (text.len == 0 || memchr(text.data, '\0', text.len) == NULL) {
        return NULL;
    }
    if (!takes_nul(place)) {
        return refuse(g, place, "holds a NUL character, which is not allowed");
    }
    replace_nuls(g, text);
    return NULL;
}

static const struct error *check_field(struct guard *g, const ProtobufCFieldDescriptor *field,
                                       const struct wire_field *f, const struct place *place,
                                       int depth) {
    bool is_packed = field->label == PROTOBUF_C_LABEL_REPEATED && f->type == WIRE_BYTES &&
                     wire_type_of(field->type) != WIRE_BYTES;
    if (is_packed) {
        return NULL; // protobuf-c checks the inside of a packed field
    }
    if (f->type != wire_type_of(field->type)) {
        return refuse(g, place, "has a wire type that is not its own");
    }
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        return check_text(g, f->bytes, place);
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return check_message(g, field->descriptor, f->bytes, place, depth + 1);
    }
    return NULL;
}

// Whether a second occurrence of the field would be merged with the first.
static bool merges(const ProtobufCFieldDescriptor *field) {
    return field->label != PROTOBUF_C_LABEL_REPEATED && field->type == PROTOBUF_C_TYPE_MESSAGE;
}

// What was seen of a message's fields, by their positions in its type.
struct seen_fields {
    bool *occurred;
    int *counts; // of repeated ones
};

// As many as nearly every type has; larger ones have theirs in the arena.
enum { FEW_FIELDS = 64 };

// Whether a member of field's oneof is among those seen.
static bool oneof_is_set(const ProtobufCMessageDescriptor *type,
                         const ProtobufCFieldDescriptor *field, const struct seen_fields *seen) {
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0) {
        return false;
    }
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &type->fields[i];
        // The members of a oneof share the place of their case.
        if (seen->occurred[i] && (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
            other->quantifier_offset == field->quantifier_offset) {
            return true;
        }
    }
    return false;
}

static const struct error *check_fields(struct guard *g, const ProtobufCMessageDescriptor *type,
                                        struct slice bytes, const struct place *place, int depth,
                                        const struct seen_fields *seen) {
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    while (p < end) {
        struct wire_field f;
        if (!wire_read_field(&p, end, &f)) {
            return refuse(g, place, "is not well-formed protobuf, or cut off");
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, f.number);
        if (field == NULL) {
            continue; // a newer client may know more than we do
        }
        size_t position = (size_t)(field - type->fields);
        struct place inner = {place, type, field->name, -1, f.bytes};
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            inner.index = seen->counts[position]++;
        }
        if (merges(field) && seen->occurred[position]) {
            return refuse(g, &inner, "occurs twice");
        }
        if (oneof_is_set(type, field, seen)) {
            return refuse(g, &inner, "is given beside another field of its oneof");
        }
        seen->occurred[position] = true;
        const struct error *error = check_field(g, field, &f, &inner, depth);
        if (error != NULL) {
            return error;
        }
    }
    return NULL;
}

static const struct error *check_message(struct guard *g, const ProtobufCMessageDescriptor *type,
                                         struct slice bytes, const struct place *place, int depth) {
    if (depth > MESSAGE_DEEPEST) {
        return refuse(g, place, "is nested deeper than 100 messages");
    }
    if (type->n_fields > FEW_FIELDS) {
        const struct seen_fields seen = {ARENA_ARRAY(g->arena, bool, type->n_fields),
                                         ARENA_ARRAY(g->arena, int, type->n_fields)};
        return check_fields(g, type, bytes, place, depth, &seen);
    }
    bool occurred[FEW_FIELDS];
    int counts[FEW_FIELDS];
    memset(occurred, 0, type->n_fields * sizeof(occurred[0]));
    memset(counts, 0, type->n_fields * sizeof(counts[0]));
    const struct seen_fields seen = {occurred, counts};
    return check_fields(g, type, bytes, place, depth, &seen);
}

static void *allocate(void *arena, size_t size) {
    return arena_alloc(arena, size);
}

static void release(void *arena, void *pointer) {
    (void)arena;
    (void)pointer; // is freed with the arena
}

const struct error *message_unpack(struct arena *a, const ProtobufCMessageDescriptor *type,
                                   struct slice bytes, ProtobufCMessage **ret_message) {
    struct guard guard = {.arena = a, .bytes = bytes};
    const struct error *error = check_message(&guard, type, bytes, NULL, 1);
    if (error != NULL) {
        return error;
    }
    ProtobufCAllocator allocator = {allocate, release, a};
    static const uint8_t nothing[1];
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, bytes.len,
                                                          guard.copy != NULL   ? guard.copy
                                                          : bytes.data != NULL ? bytes.data
                                                                               : nothing);
    if (message == NULL) {
        return refuse(&guard, NULL, "is not well-formed protobuf, or cut off");
    }
    *ret_message = message;
    return NULL;
}

struct slice message_field_bytes(struct slice message, uint32_t number) {
    const uint8_t *p = message.data;
    const uint8_t *end = p + message.len;
    struct wire_field f;
    while (p < end && wire_read_field(&p, end, &f)) {
        if (f.number == number && f.type == WIRE_BYTES) {
            return f.bytes;
        }
    }
    return SLICE_EMPTY;
}

struct slice message_pack(struct arena *a, const ProtobufCMessage *message) {
    uint8_t *bytes = arena_alloc(a, protobuf_c_message_get_packed_size(message));
    return slice_of(bytes, protobuf_c_message_pack(message, bytes));
}
