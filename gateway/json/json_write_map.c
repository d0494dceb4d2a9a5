#include <stdlib.h>

#include "base/core/well_known_fields.h"
#include "gateway/json/json_number.h"
#include "gateway/json/json_writer.h"

enum { COMPARED_PAIRWISE = 12 };

// Whether the fields of bytes end where the bytes do.
static bool is_whole(struct slice bytes) {
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    struct wire_field v;
    while (p < end) {
        if (!json_next_field(&p, end, &v)) {
            return false;
        }
    }
    return true;
}

bool json_merge(struct json_writer *w, struct json_merged *m, struct slice piece) {
    struct arena *a = w->arena;
    if (piece.len == 0) {
        return true;
    }
    size_t len = m->bytes.len;
    if (len == 0) {
        m->bytes = piece;
        return true;
    }
    // A piece that ends within a field must not go on with the next one.
    if ((m->capacity == 0 && !is_whole(m->bytes)) || !is_whole(piece)) {
        return json_writer_fail(w, "the message is malformed");
    }
    if (m->capacity < len + piece.len) {
        // Doubled, so that many small pieces are not copied each time.
        m->capacity = (len + piece.len) * 2;
        m->bytes = slice_of(memcpy(arena_alloc(a, m->capacity), m->bytes.data, len), len);
    }
    memcpy((uint8_t *)m->bytes.data + len, piece.data, piece.len);
    m->bytes.len += piece.len;
    return true;
}

void json_entries_add(struct json_entries *e, struct arena *a, struct slice key,
                      const struct wire_field *value) {
    if (e->count == e->capacity) {
        struct json_entry *more = arena_alloc(a, sizeof(*more) * e->capacity * 2);
        memcpy(more, e->items, sizeof(*more) * e->count);
        e->items = more;
        e->capacity *= 2;
    }
    e->items[e->count++] = (struct json_entry){key, *value, false};
}

// By key; of equal ones in order of the wire.
static int compare_entries(const void *a, const void *b) {
    const struct json_entry *x = *(struct json_entry *const *)a;
    const struct json_entry *y = *(struct json_entry *const *)b;
    int r = slice_compare(x->key, y->key);
    return r != 0 ? r : x < y ? -1 : x > y;
}

void json_entries_mark(struct json_entries *e, struct arena *a) {
    if (e->count <= COMPARED_PAIRWISE) {
        for (size_t i = 1; i < e->count; i++) {
            for (size_t k = 0; k < i; k++) {
                if (e->items[k].key.len == e->items[i].key.len &&
                    slice_equal(e->items[k].key, e->items[i].key)) {
                    e->items[k].superseded = true;
                }
            }
        }
        return;
    }
    // Sorting bounds the work whatever the keys are; hashing would not.
    struct json_entry **sorted = ARENA_ARRAY(a, struct json_entry *, e->count);
    for (size_t i = 0; i < e->count; i++) {
        sorted[i] = &e->items[i];
    }
    qsort(sorted, e->count, sizeof(sorted[0]), compare_entries);
    for (size_t i = 1; i < e->count; i++) {
        if (slice_equal(sorted[i - 1]->key, sorted[i]->key)) {
            sorted[i - 1]->superseded = true;
        }
    }
}

bool json_is_unknown_entry(const struct schema_field *f, struct slice entry) {
    const struct schema_field *value_field = schema_field_by_number(f->message, MAP_VALUE);
    if (value_field->enumeration == NULL) {
        return false;
    }
    struct wire_field value = json_default_of(value_field);
    const uint8_t *p = entry.data;
    const uint8_t *end = p + entry.len;
    struct wire_field v;
    while (p < end) {
        if (!json_next_field(&p, end, &v)) {
            return false; // which is found when it is put
        }
        if (v.number == MAP_VALUE && (int)v.type == (int)value_field->wire_type) {
            value = v;
        }
    }
    return json_is_unknown_enum(value_field, &value);
}

static bool read_entry(struct json_writer *w, const struct schema_field *key_field,
                       const struct schema_field *value_field, struct slice bytes,
                       struct wire_field *ret_key, struct wire_field *ret_value) {
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    struct json_merged merged = {SLICE_EMPTY, 0};
    struct wire_field v;
    while (p < end) {
        if (!json_next_field(&p, end, &v)) {
            return json_writer_fail(w, "a map entry is malformed");
        }
        if (v.number == MAP_KEY && (int)v.type == (int)key_field->wire_type) {
            // What is replaced must be valid all the same.
            if (!json_check_element(w, key_field, ret_key)) {
                return false;
            }
            *ret_key = v;
        } else if (v.number == MAP_VALUE && (int)v.type == (int)value_field->wire_type) {
            if (value_field->message != NULL) {
                if (!json_merge(w, &merged, v.bytes)) {
                    return false;
                }
                ret_value->bytes = merged.bytes;
            } else if (json_check_element(w, value_field, ret_value)) {
                *ret_value = v;
            } else {
                return false;
            }
        }
    }
    return true;
}

// A key as text without quotes. Equal keys have equal texts.
static struct slice key_text(struct json_writer *w, const struct schema_field *f,
                             const struct wire_field *key) {
    if (f->type == SCHEMA_STRING) {
        return f->any_bytes ? json_any_text(w->arena, key->bytes) : key->bytes;
    }
    if (f->type == SCHEMA_BOOL) {
        return slice_of_cstr(key->value != 0 ? "true" : "false");
    }
    struct schema_field unquoted = *f;
    unquoted.number_in_json = true;
    size_t before = w->out->len;
    w->put->element(w, &unquoted, key);
    struct slice text = arena_copy(w->arena, slice_of(w->out->data + before, w->out->len - before));
    w->out->len = before;
    return text;
}

bool json_put_map(struct json_writer *w, const struct schema_field *f, const uint8_t *first,
                  const uint8_t *last, const uint8_t *end) {
    const struct schema_field *key_field = schema_field_by_number(f->message, MAP_KEY);
    const struct schema_field *value_field = schema_field_by_number(f->message, MAP_VALUE);
    if (!json_writer_enter(w)) {
        return false;
    }
    struct json_entries entries;
    json_entries_init(&entries);
    for (const uint8_t *p = first; p <= last && p < end;) {
        struct wire_field v;
        if (!json_next_field(&p, end, &v)) {
            return json_writer_fail(w, "a map is malformed");
        }
        if (v.number != f->number || v.type != WIRE_BYTES || json_is_unknown_entry(f, v.bytes)) {
            continue;
        }
        struct wire_field key = {.type = (enum wire_type)key_field->wire_type};
        struct wire_field value = json_default_of(value_field);
        if (!read_entry(w, key_field, value_field, v.bytes, &key, &value)) {
            return false;
        }
        json_entries_add(&entries, w->arena, key_text(w, key_field, &key), &value);
    }
    json_entries_mark(&entries, w->arena);
    bool first_entry = true;
    json_put_byte(w, '{');
    for (size_t i = 0; i < entries.count; i++) {
        const struct json_entry *e = &entries.items[i];
        if (e->superseded) {
            if (!json_check_element(w, value_field, &e->value)) {
                return false;
            }
            continue;
        }
        json_put_separator(w, &first_entry);
        if (!json_put_string(w, e->key)) {
            return false;
        }
        json_put_byte(w, ':');
        if (!w->put->element(w, value_field, &e->value)) {
            return false;
        }
    }
    json_put_byte(w, '}');
    json_writer_leave(w);
    return true;
}
