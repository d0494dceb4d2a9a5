#include "server/domain/message_guard.h"

#include <stdio.h>

#include "base/core/utf8.h"
#include "base/core/wire.h"

// Where the walk is, innermost first.
struct place {
    const struct place *outer;
    const char *name; // the field's, in proto spelling
    int index;        // -1: the field is not repeated
};

// Appends the JSON path of place to out.
static void append_path(struct strbuf *out, const struct place *place) {
    if (place == NULL) {
        return;
    }
    append_path(out, place->outer);
    if (out->len > 0) {
        strbuf_append_byte(out, '.');
    }
    for (const char *p = place->name; *p != '\0'; p++) {
        if (*p == '_' && p[1] >= 'a' && p[1] <= 'z') {
            p++;
            strbuf_append_byte(out, (uint8_t)(*p - 'a' + 'A'));
        } else {
            strbuf_append_byte(out, (uint8_t)*p);
        }
    }
    if (place->index >= 0) {
        strbuf_printf(out, "[%d]", place->index);
    }
}

static const struct error *refuse(struct arena *a, const struct place *place, const char *why) {
    struct strbuf path = STRBUF_INIT;
    append_path(&path, place);
    // A path of a hundred levels does not help a reader.
    enum { LONGEST_PATH = 200 };
    const char *cut = path.len > LONGEST_PATH ? "..." : "";
    struct slice shown = slice_of(path.data, path.len > LONGEST_PATH ? LONGEST_PATH : path.len);
    const char *field = arena_printf(a, "%.*s%s", SLICE_FMT(shown), cut);
    strbuf_release(&path);
    struct error *e =
        error_new(a, STATUS_INVALID_ARGUMENT, REASON_MESSAGE_MALFORMED, "%s%s%s",
                  field[0] != '\0' ? field : "the message", field[0] != '\0' ? " " : " ", why);
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

static const struct error *check_message(struct arena *a, const ProtobufCMessageDescriptor *type,
                                         struct slice bytes, const struct place *place, int depth);

static const struct error *check_field(struct arena *a, const ProtobufCFieldDescriptor *field,
                                       const struct wire_field *f, const struct place *place,
                                       int depth) {
    bool is_packed = field->label == PROTOBUF_C_LABEL_REPEATED && f->type == WIRE_BYTES &&
                     wire_type_of(field->type) != WIRE_BYTES;
    if (is_packed) {
        return NULL; // protobuf-c checks the inside of a packed field
    }
    if (f->type != wire_type_of(field->type)) {
        return refuse(a, place, "has a wire type that is not its own");
    }
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        if (!utf8_valid(f->bytes)) {
            return refuse(a, place, "is not UTF-8");
        }
        if (f->bytes.len > 0 && memchr(f->bytes.data, '\0', f->bytes.len) != NULL) {
            return refuse(a, place, "holds a NUL character, which is not allowed");
        }
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return check_message(a, field->descriptor, f->bytes, place, depth + 1);
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

static const struct error *check_fields(struct arena *a, const ProtobufCMessageDescriptor *type,
                                        struct slice bytes, const struct place *place, int depth,
                                        const struct seen_fields *seen) {
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    while (p < end) {
        struct wire_field f;
        if (!wire_read_field(&p, end, &f)) {
            return refuse(a, place, "is not well-formed protobuf, or cut off");
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, f.number);
        if (field == NULL) {
            continue; // a newer client may know more than we do
        }
        size_t position = (size_t)(field - type->fields);
        struct place inner = {place, field->name, -1};
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            inner.index = seen->counts[position]++;
        }
        if (merges(field) && seen->occurred[position]) {
            return refuse(a, &inner, "occurs twice");
        }
        if (oneof_is_set(type, field, seen)) {
            return refuse(a, &inner, "is given beside another field of its oneof");
        }
        seen->occurred[position] = true;
        const struct error *error = check_field(a, field, &f, &inner, depth);
        if (error != NULL) {
            return error;
        }
    }
    return NULL;
}

static const struct error *check_message(struct arena *a, const ProtobufCMessageDescriptor *type,
                                         struct slice bytes, const struct place *place, int depth) {
    if (depth > MESSAGE_DEEPEST) {
        return refuse(a, place, "is nested deeper than 100 messages");
    }
    if (type->n_fields > FEW_FIELDS) {
        const struct seen_fields seen = {ARENA_ARRAY(a, bool, type->n_fields),
                                         ARENA_ARRAY(a, int, type->n_fields)};
        return check_fields(a, type, bytes, place, depth, &seen);
    }
    bool occurred[FEW_FIELDS];
    int counts[FEW_FIELDS];
    memset(occurred, 0, type->n_fields * sizeof(occurred[0]));
    memset(counts, 0, type->n_fields * sizeof(counts[0]));
    const struct seen_fields seen = {occurred, counts};
    return check_fields(a, type, bytes, place, depth, &seen);
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
    const struct error *error = check_message(a, type, bytes, NULL, 1);
    if (error != NULL) {
        return error;
    }
    ProtobufCAllocator allocator = {allocate, release, a};
    static const uint8_t nothing[1];
    ProtobufCMessage *message = protobuf_c_message_unpack(
        type, &allocator, bytes.len, bytes.data != NULL ? bytes.data : nothing);
    if (message == NULL) {
        return refuse(a, NULL, "is not well-formed protobuf, or cut off");
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
