#ifndef RUNSD_GATEWAY_JSON_JSON_WRITER_H
#define RUNSD_GATEWAY_JSON_JSON_WRITER_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/core/arena.h"
#include "base/core/strbuf.h"
#include "base/core/wire.h"
#include "gateway/descriptor/schema.h"
#include "gateway/json/json_depth.h"

// The parts of json_write, for its own files. Pure.

struct json_writer;

// Callbacks into json_write.c for the files that it calls, since messages hold values that hold
// messages: each writes what its name says, as the json_put functions below do.
struct json_recursion {
    bool (*message)(struct json_writer *w, const struct schema_message *m, struct slice bytes);
    // The members of the object alone, each with its key.
    bool (*members)(struct json_writer *w, const struct schema_message *m, struct slice bytes,
                    bool *first);
    bool (*element)(struct json_writer *w, const struct schema_field *f,
                    const struct wire_field *v);
};

struct json_writer {
    const struct json_recursion *put;
    struct strbuf *out;
    struct arena *arena;
    const struct schema *schema;
    int depth;
    const char *fault; // why writing stopped
    // The innermost field that it stopped at; NULL if that is not known.
    const struct schema_message *fault_message;
    const struct schema_field *fault_field;
};

// Notes the fault and returns false.
static inline bool json_writer_fail(struct json_writer *w, const char *fault) {
    w->fault = fault;
    return false;
}

static inline bool json_writer_enter(struct json_writer *w) {
    if (++w->depth > JSON_WRITE_DEPTH) {
        return json_writer_fail(w, "the message nests deeper than 128 levels");
    }
    return true;
}

static inline void json_writer_leave(struct json_writer *w) {
    w->depth--;
}

// Makes room for n bytes and returns where they go; the caller adds to len.
static inline uint8_t *json_reserve(struct json_writer *w, size_t n) {
    if (w->out->capacity - w->out->len < n) {
        strbuf_grow(w->out, n);
    }
    return w->out->data + w->out->len;
}

static inline void json_put(struct json_writer *w, const void *bytes, size_t n) {
    memcpy(json_reserve(w, n), bytes, n);
    w->out->len += n;
}

static inline void json_put_slice(struct json_writer *w, struct slice s) {
    json_put(w, s.data, s.len);
}

static inline void json_put_byte(struct json_writer *w, char c) {
    *json_reserve(w, 1) = (uint8_t)c;
    w->out->len++;
}

// Puts a comma unless the value before it is the first of its object or array.
static inline void json_put_separator(struct json_writer *w, bool *first) {
    if (!*first) {
        json_put_byte(w, ',');
    }
    *first = false;
}

// wire_read_field, with the common cases in line.
static inline bool json_next_field(const uint8_t **pp, const uint8_t *end, struct wire_field *ret) {
    const uint8_t *p = *pp;
    uint32_t tag = *p++;
    if (tag >= 0x80) {
        if (p == end || *p >= 0x80) {
            return wire_read_field(pp, end, ret);
        }
        tag = (tag & 0x7F) | (uint32_t)*p++ << 7;
    }
    if (tag >> 3 == 0) {
        return false;
    }
    ret->number = tag >> 3;
    ret->type = (enum wire_type)(tag & 7);
    ret->value = 0;
    ret->bytes = SLICE_EMPTY;
    switch (tag & 7) {
    case WIRE_VARINT:
        if (!wire_read_varint(&p, end, &ret->value)) {
            return false;
        }
        break;
    case WIRE_BYTES: {
        uint64_t len;
        if (!wire_read_varint(&p, end, &len) || len > (uint64_t)(end - p)) {
            return false;
        }
        ret->bytes = slice_of(p, (size_t)len);
        p += len;
        break;
    }
    case WIRE_FIXED64:
        if (end - p < 8) {
            return false;
        }
        memcpy(&ret->value, p, 8);
        ret->value = le64toh(ret->value);
        p += 8;
        break;
    case WIRE_FIXED32: {
        uint32_t value;
        if (end - p < 4) {
            return false;
        }
        memcpy(&value, p, 4);
        ret->value = le32toh(value);
        p += 4;
        break;
    }
    default:
        return wire_read_field(pp, end, ret);
    }
    *pp = p;
    return true;
}

// Whether a field of the wire is one of f: in its own form, or packed.
static inline bool json_field_matches(const struct schema_field *f, const struct wire_field *v) {
    return (int)v->type == (int)f->wire_type ||
           (v->type == WIRE_BYTES && f->repeated && f->wire_type != WIRE_GROUP_START);
}

// Whether a value of f is a number that its closed enum does not have: it counts as an
// unknown field then (https://protobuf.dev/programming-guides/enum/).
static inline bool json_is_unknown_enum(const struct schema_field *f, const struct wire_field *v) {
    return f->enumeration != NULL && f->enumeration->closed &&
           schema_enum_by_number(f->enumeration, (int32_t)v->value) == NULL;
}

// Whether an entry of a map counts as an unknown field, because its value does.
bool json_is_unknown_entry(const struct schema_field *f, struct slice entry);

// What a field holds that is not on the wire and no message.
static inline struct wire_field json_default_of(const struct schema_field *f) {
    return (struct wire_field){.number = f->number,
                               .type = (enum wire_type)f->wire_type,
                               .value = f->default_value,
                               .bytes = f->default_bytes};
}

// Each appends one JSON value (or, where it says so, a part of one) to w->out. Returns
// false with w->fault set on failure; what was appended by then is not removed.
bool json_put_string(struct json_writer *w, struct slice text);
// As json_put_string, of text that need not be UTF-8.
bool json_put_any_string(struct json_writer *w, struct slice text);
// Returns text with U+FFFD for what is no UTF-8, as browsers decode it (WHATWG Encoding
// 4.1, "replacement"): borrowed, or in a.
struct slice json_any_text(struct arena *a, struct slice text);
bool json_put_map(struct json_writer *w, const struct schema_field *f, const uint8_t *first,
                  const uint8_t *last, const uint8_t *end);
bool json_put_known(struct json_writer *w, const struct schema_message *m, struct slice bytes);
bool json_put_struct(struct json_writer *w, struct slice bytes);
bool json_put_list_value(struct json_writer *w, struct slice bytes);
bool json_put_value(struct json_writer *w, struct slice bytes);

// Checks that a value is valid without appending it: a value that a later one of the
// same field or key replaces must be valid, too.
static inline bool json_check_element(struct json_writer *w, const struct schema_field *f,
                                      const struct wire_field *v) {
    size_t before = w->out->len;
    bool ok = w->put->element(w, f, v);
    w->out->len = before;
    return ok;
}

// One entry of a map or a Struct as it is gathered before printing.
struct json_entry {
    struct slice key;
    struct wire_field value; // type BYTES with no bytes if the entry had none
    bool superseded;         // a later entry has the same key
};

struct json_entries {
    struct json_entry *items;
    size_t count;
    size_t capacity;
    struct json_entry few[12];
};

static inline void json_entries_init(struct json_entries *e) {
    e->items = e->few;
    e->count = 0;
    e->capacity = sizeof(e->few) / sizeof(e->few[0]);
}

void json_entries_add(struct json_entries *e, struct arena *a, struct slice key,
                      const struct wire_field *value);

// Marks those that a later one replaces.
void json_entries_mark(struct json_entries *e, struct arena *a);

// The payloads of a message that occurs several times, concatenated, which is how the
// wire format merges messages (protobuf's encoding guide, "Last One Wins").
struct json_merged {
    struct slice bytes; // borrowed while there is one piece
    size_t capacity;    // of our own copy; 0 while borrowed
};

// Fails if there are several pieces and one does not end with a field.
bool json_merge(struct json_writer *w, struct json_merged *m, struct slice piece);

#endif
