#include "gateway/json/json_read.h"

#include <stdlib.h>

#include "base/core/well_known_fields.h"
#include "gateway/json/json_number.h"
#include "gateway/json/json_reader.h"
#include "gateway/json/scalar.h"

enum { FEW_FIELDS = 256 };

// A number, or a string that holds one.
static bool get_number(struct json_reader *r, const struct schema_field *f,
                       const struct json_path *path) {
    struct slice text;
    uint8_t c = json_peek(r);
    bool quoted = c == '"';
    if (!quoted && c != '-' && (c < '0' || c > '9')) {
        return json_fail_kind(r, path, "a number");
    }
    if (!(quoted ? json_read_string(r, &text) : json_read_number(r, &text))) {
        return false;
    }
    const char *fault = scalar_put_number(r->arena, f, text, quoted, r->out);
    return fault == NULL || json_fail_path(r, path, "%s", fault);
}

static bool get_bool(struct json_reader *r, const struct json_path *path) {
    uint8_t c = json_peek(r);
    if (c != 't' && c != 'f') {
        return json_fail_kind(r, path, "a boolean");
    }
    strbuf_append_byte(r->out, c == 't');
    return json_read_word(r, c == 't' ? "true" : "false");
}

static bool get_enum(struct json_reader *r, const struct schema_field *f,
                     const struct json_path *path) {
    struct slice text;
    const char *fault;
    uint8_t c = json_peek(r);
    if (c == 'n' && f->enumeration->null_value) {
        strbuf_append_byte(r->out, 0);
        return json_read_word(r, "null");
    }
    if (c == '"') {
        if (!json_read_string(r, &text)) {
            return false;
        }
        fault = scalar_put_enum_name(r->arena, f, text, r->out);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        if (!json_read_number(r, &text)) {
            return false;
        }
        fault = scalar_put_enum_number(r->arena, f, text, r->out);
    } else {
        return json_fail_kind(r, path, "a string");
    }
    return fault == NULL || json_fail_path(r, path, "%s", fault);
}

static bool get_text(struct json_reader *r, const struct schema_field *f,
                     const struct json_path *path) {
    struct slice text;
    if (json_peek(r) != '"') {
        return json_fail_kind(r, path, "a string");
    }
    if (!json_read_string(r, &text)) {
        return false;
    }
    if (f->type == SCHEMA_BYTES) {
        const char *fault = scalar_put_bytes(r->arena, text, r->out);
        return fault == NULL || json_fail_path(r, path, "%s", fault);
    }
    wire_put_varint(r->out, text.len);
    strbuf_append_slice(r->out, text);
    return true;
}

static bool get_message(struct json_reader *r, const struct schema_message *m,
                        const struct json_path *path);

static bool get_element(struct json_reader *r, const struct schema_field *f,
                        const struct json_path *path) {
    switch (f->type) {
    case SCHEMA_BOOL:
        return get_bool(r, path);
    case SCHEMA_ENUM:
        return get_enum(r, f, path);
    case SCHEMA_STRING:
    case SCHEMA_BYTES:
        return get_text(r, f, path);
    case SCHEMA_MESSAGE: {
        size_t begin = json_begin_length(r);
        if (!get_message(r, f->message, path)) {
            return false;
        }
        json_end_length(r, begin);
        return true;
    }
    case SCHEMA_GROUP:
        if (!get_message(r, f->message, path)) {
            return false;
        }
        wire_put_tag(r->out, f->number, WIRE_GROUP_END);
        return true;
    default:
        return get_number(r, f, path);
    }
}

bool json_skip_unknown_name(struct json_reader *r, const struct schema_field *f,
                            bool *ret_skipped) {
    *ret_skipped = false;
    if (!r->ignore_unknown || f->enumeration == NULL) {
        return true;
    }
    uint8_t c = json_peek(r);
    bool is_number = f->enumeration->closed && (c == '-' || (c >= '0' && c <= '9'));
    if (c != '"' && !is_number) {
        return true;
    }
    const uint8_t *p = r->p;
    struct slice text;
    int32_t number;
    int64_t value;
    if (!(is_number ? json_read_number(r, &text) : json_read_string(r, &text))) {
        return false;
    }
    if (is_number) {
        *ret_skipped = json_parse_int64(text, INT32_MIN, INT32_MAX, &value) == JSON_NUMBER_OK &&
                       schema_enum_by_number(f->enumeration, (int32_t)value) == NULL;
    } else {
        *ret_skipped = !schema_enum_by_name(f->enumeration, text, &number);
    }
    if (!*ret_skipped) {
        r->p = p;
    }
    return true;
}

static bool get_list(struct json_reader *r, const struct schema_field *f,
                     const struct json_path *path) {
    if (json_peek(r) != '[') {
        return json_fail_kind(r, path, "an array");
    }
    if (!json_open(r, '[', path)) {
        return false;
    }
    size_t before = r->out->len;
    size_t begin = 0;
    if (f->packed) {
        wire_put_tag(r->out, f->number, WIRE_BYTES);
        begin = json_begin_length(r);
    }
    struct json_path item = {path, SLICE_EMPTY, 0};
    bool first = true;
    bool more;
    bool skipped;
    for (;; item.index++) {
        if (!json_more(r, ']', &first, &more)) {
            return false;
        }
        if (!more) {
            break;
        }
        if (!json_skip_unknown_name(r, f, &skipped)) {
            return false;
        }
        if (skipped) {
            continue;
        }
        if (!f->packed) {
            scalar_put_tag(f, r->out);
        }
        if (!get_element(r, f, &item)) {
            return false;
        }
    }
    if (f->packed) {
        if (r->out->len == begin) {
            r->out->len = before;
        } else {
            json_end_length(r, begin);
        }
    }
    return true;
}

// Appends a map key, which JSON always has in quotes.
static bool put_map_key(struct json_reader *r, const struct schema_field *f, struct slice key,
                        const struct json_path *path) {
    const char *fault = NULL;
    scalar_put_tag(f, r->out);
    if (f->type != SCHEMA_STRING && f->type != SCHEMA_BOOL) {
        // One spelling for each key, so that those that stand twice are seen.
        size_t digits = key.len > 0 && key.data[0] == '-' ? 1 : 0;
        bool plain = key.len > digits && !(key.data[digits] == '0' && key.len > 1);
        for (size_t i = digits; i < key.len; i++) {
            plain = plain && key.data[i] >= '0' && key.data[i] <= '9';
        }
        if (!plain) {
            return json_fail_path(r, path, "%s is no integer in plain digits",
                                  scalar_quote(r->arena, key));
        }
    }
    fault = scalar_put_text(r->arena, f, key, r->out);
    return fault == NULL || json_fail_path(r, path, "%s", fault);
}

static bool get_map(struct json_reader *r, const struct schema_field *f,
                    const struct json_path *path) {
    const struct schema_field *key_field = schema_field_by_number(f->message, MAP_KEY);
    const struct schema_field *value_field = schema_field_by_number(f->message, MAP_VALUE);
    struct json_object object;
    struct json_path at;
    bool more;
    if (!json_open_object(r, path, &object)) {
        return false;
    }
    for (;;) {
        if (!json_next_member(r, &object, &at, &more)) {
            return false;
        }
        if (!more) {
            return true;
        }
        bool skipped;
        if (!json_skip_unknown_name(r, value_field, &skipped)) {
            return false;
        }
        if (skipped) {
            continue;
        }
        scalar_put_tag(f, r->out);
        size_t begin = json_begin_length(r);
        if (!put_map_key(r, key_field, at.key, &at)) {
            return false;
        }
        scalar_put_tag(value_field, r->out);
        if (!get_element(r, value_field, &at)) {
            return false;
        }
        json_end_length(r, begin);
    }
}

// Whether null is a value of the field rather than its absence.
static bool takes_null(const struct schema_field *f) {
    if (f->repeated) {
        return false;
    }
    return (f->message != NULL && f->message->known == KNOWN_VALUE) ||
           (f->enumeration != NULL && f->enumeration->null_value);
}

static bool get_field(struct json_reader *r, const struct schema_field *f,
                      const struct json_path *path) {
    if (f->map) {
        return get_map(r, f, path);
    }
    if (f->repeated) {
        return get_list(r, f, path);
    }
    scalar_put_tag(f, r->out);
    return get_element(r, f, path);
}

// Which fields and oneofs of a message were seen.
struct seen {
    uint64_t *fields;
    struct slice *oneofs; // the key that set each, as it was given; data NULL if none did
    uint64_t few_fields[FEW_FIELDS / 64];
    struct slice few_oneofs[8];
};

static void init_seen(struct json_reader *r, const struct schema_message *m, struct seen *s) {
    s->fields = s->few_fields;
    s->oneofs = s->few_oneofs;
    size_t words = (m->field_count + 63) / 64;
    if (m->field_count > FEW_FIELDS) {
        s->fields = ARENA_ARRAY(r->arena, uint64_t, words);
    } else {
        memset(s->few_fields, 0, sizeof(uint64_t) * words);
    }
    if (m->oneof_count > 8) {
        s->oneofs = ARENA_ARRAY(r->arena, struct slice, m->oneof_count);
    } else {
        memset(s->few_oneofs, 0, sizeof(s->few_oneofs[0]) * m->oneof_count);
    }
}

static bool get_member(struct json_reader *r, const struct schema_message *m,
                       const struct schema_field *f, struct seen *seen,
                       const struct json_path *at) {
    uint64_t bit = UINT64_C(1) << (f->index % 64);
    if ((seen->fields[f->index / 64] & bit) != 0) {
        return json_fail_path(r, at, "the key stands twice");
    }
    seen->fields[f->index / 64] |= bit;
    if (json_peek(r) == 'n' && !takes_null(f)) {
        return json_read_word(r, "null");
    }
    bool skipped;
    if (!f->repeated && (!json_skip_unknown_name(r, f, &skipped) || skipped)) {
        return r->error == NULL;
    }
    if (f->oneof >= 0) {
        struct slice other = seen->oneofs[f->oneof];
        if (other.data != NULL) {
            return json_fail_path(r, at,
                                  "it excludes \"%.*s\": only one field of \"%.*s\" may be "
                                  "set",
                                  SLICE_FMT(other), SLICE_FMT(m->oneof_names[f->oneof]));
        }
        seen->oneofs[f->oneof] = at->key;
    }
    return get_field(r, f, at);
}

static bool get_members(struct json_reader *r, const struct schema_message *m,
                        const struct json_path *path, bool any) {
    struct seen seen;
    init_seen(r, m, &seen);
    bool type_seen = false;
    bool first = true;
    bool more;
    for (;;) {
        if (!json_more(r, '}', &first, &more)) {
            return false;
        }
        if (!more) {
            return true;
        }
        struct slice key;
        if (!json_read_key(r, &key)) {
            return false;
        }
        struct json_path at = {path, key, 0};
        if (any && slice_equal_cstr(key, "@type")) {
            if (type_seen) {
                return json_fail_path(r, &at, "the key stands twice");
            }
            type_seen = true;
            if (!json_skip_value(r)) {
                return false;
            }
            continue;
        }
        const struct schema_field *f = schema_find_field(m, key);
        if (f != NULL) {
            if (!get_member(r, m, f, &seen, &at)) {
                return false;
            }
        } else if (!r->ignore_unknown) {
            return json_fail_path(r, &at, "%.*s has no such field", SLICE_FMT(m->full_name));
        } else if (!json_skip_value(r)) {
            return false;
        }
    }
}

static bool get_message(struct json_reader *r, const struct schema_message *m,
                        const struct json_path *path) {
    if (m->known != KNOWN_NONE) {
        return json_get_known(r, m, path);
    }
    if (json_peek(r) != '{') {
        return json_fail_kind(r, path, "an object");
    }
    return json_open(r, '{', path) && get_members(r, m, path, false);
}

static const struct error *finish(struct json_reader *r, bool ok, size_t before) {
    if (ok && !json_at_end(r)) {
        ok = json_fail_syntax(r, "the JSON value ended, but bytes follow it");
    }
    if (!ok) {
        r->out->len = before;
        return r->error;
    }
    return NULL;
}

static const struct json_descent descent = {
    .message = get_message,
    .members = get_members,
    .element = get_element,
};

static struct json_reader reader_of(const struct schema *schema, struct arena *a, struct slice json,
                                    const struct json_read_options *options, struct strbuf *out) {
    return (struct json_reader){.get = &descent,
                                .start = json.data,
                                .p = json.data,
                                .end = json.data + json.len,
                                .arena = a,
                                .schema = schema,
                                .ignore_unknown = options->ignore_unknown,
                                .round_numbers = options->round_numbers,
                                .out = out};
}

const struct error *json_read_message(const struct schema *schema, struct arena *a,
                                      const struct schema_message *type, struct slice json,
                                      const struct json_read_options *options, struct strbuf *out) {
    struct json_reader r = reader_of(schema, a, json, options, out);
    size_t before = out->len;
    return finish(&r, get_message(&r, type, NULL), before);
}

const struct error *json_read_field(const struct schema *schema, struct arena *a,
                                    const struct schema_field *field, struct slice json,
                                    const struct json_read_options *options, struct strbuf *out) {
    struct json_reader r = reader_of(schema, a, json, options, out);
    size_t before = out->len;
    return finish(&r, get_field(&r, field, NULL), before);
}

const char *json_read_free_form(struct arena *a, const struct schema_field *f, struct slice text,
                                const struct json_read_options *options, struct strbuf *out) {
    struct json_reader r = reader_of(NULL, a, text, options, out);
    size_t before = out->len;
    const struct error *error = finish(&r, get_element(&r, f, NULL), before);
    if (error == NULL) {
        return NULL;
    }
    const struct field_violation *v = error->violations;
    // No path of a value begins so: a key with a blank stands in quotes.
    if (strncmp(v->field, "line ", 5) == 0) {
        return arena_printf(a, "it is given as JSON text, which this is not: %s, %s%s", v->field,
                            v->description,
                            f->message->known == KNOWN_VALUE ? "; a string stands in quotes" : "");
    }
    return strcmp(v->field, "body") == 0 ? v->description
                                         : arena_printf(a, "%s: %s", v->field, v->description);
}
