#include "gateway/transcode/bind_query.h"

#include <stdlib.h>

#include "base/core/utf8.h"
#include "gateway/json/scalar.h"
#include "gateway/transcode/bind_key.h"
#include "gateway/transcode/percent.h"

// A key that the query set.
struct given {
    struct given *before;
    size_t order;
    struct slice key;
    struct bound_field field;
};

struct query_binder {
    struct arena *arena;
    const struct schema_message *message;
    const struct bind_taken *taken;
    const struct bind_ignored *ignored;
    const struct json_read_options *json;
    struct given *last;
    size_t given_count;
    struct strbuf *out;
};

static const struct error *refuse(struct arena *a, struct slice key, const char *why) {
    // What of it is text: whole characters, at most 128 bytes.
    size_t n = 0;
    size_t next = 0;
    do {
        n += next;
        next = n < key.len ? utf8_sequence_length(key.data + n, key.len - n) : 0;
    } while (next > 0 && n + next <= 128);
    const char *name = n > 0 || key.len == 0 ? scalar_shown(a, slice_of(key.data, n)) : "query";
    struct error *e = error_new(a, STATUS_INVALID_ARGUMENT, REASON_QUERY_INVALID,
                                "Query parameter %s is invalid: %s.", scalar_quote(a, key), why);
    error_add_violation(e, a, name, "%s", why);
    return e;
}

// --- keys that are passed over ---

static bool is_ignored(const struct bind_ignored *ignored, struct slice key) {
    if (ignored->all) {
        return true;
    }
    for (size_t i = 0; i < ignored->key_count; i++) {
        struct slice pattern = slice_of_cstr(ignored->keys[i]);
        if (pattern.len > 0 && pattern.data[pattern.len - 1] == '*'
                ? slice_starts_with(key, slice_of(pattern.data, pattern.len - 1))
                : slice_equal(key, pattern)) {
            return true;
        }
    }
    return false;
}

// --- keys and path, keys and body ---

static const char *check_taken(const struct bind_taken *taken, const struct bound_field *field) {
    for (size_t i = 0; i < taken->path_count; i++) {
        switch (bind_relate(&taken->path[i], field)) {
        case BIND_SAME:
            return "the path gives it already";
        case BIND_ONEOF:
            return "it excludes a field that the path gives";
        case BIND_APART:
            break;
        }
    }
    const struct schema_field *body = taken->body;
    if (body != NULL && field->chain[0] == body) {
        return "the body gives it";
    }
    if (body != NULL && body->oneof >= 0 && field->chain[0]->oneof == body->oneof) {
        return "it excludes the field that the body gives";
    }
    return NULL;
}

// --- keys among each other ---

// The fields of a message in an order that has those of a oneof side by side.
static int compare_fields(const struct schema_field *x, const struct schema_field *y) {
    if (x->oneof != y->oneof) {
        return x->oneof < y->oneof ? -1 : 1;
    }
    return x->index == y->index ? 0 : x->index < y->index ? -1 : 1;
}

// By field, then by map key, then by order: what excludes each other, or is given twice, is
// side by side.
static int compare_given(const void *left, const void *right) {
    const struct given *x = *(const struct given *const *)left;
    const struct given *y = *(const struct given *const *)right;
    size_t depth = x->field.depth < y->field.depth ? x->field.depth : y->field.depth;
    for (size_t i = 0; i < depth; i++) {
        int order = compare_fields(x->field.chain[i], y->field.chain[i]);
        if (order != 0) {
            return order;
        }
    }
    if (x->field.depth != y->field.depth) {
        return x->field.depth < y->field.depth ? -1 : 1;
    }
    int order = slice_compare(x->field.map_key, y->field.map_key);
    return order != 0 ? order : x->order < y->order ? -1 : 1;
}

// What two of the same field say of each other.
static const char *check_same(const struct bound_field *first, const struct bound_field *second) {
    const struct schema_field *leaf = first->chain[first->depth - 1];
    if (leaf->map) {
        return slice_equal(first->map_key, second->map_key) ? "it is given twice" : NULL;
    }
    if (!leaf->repeated) {
        return "it is given twice";
    }
    if ((first->index == BIND_NO_INDEX) != (second->index == BIND_NO_INDEX)) {
        return "some of its elements have an index and others have none";
    }
    return first->index == BIND_NO_INDEX || first->index < second->index
               ? NULL
               : "the indexes of its elements do not ascend";
}

static const struct error *check_given(struct query_binder *b) {
    if (b->given_count < 2) {
        return NULL;
    }
    const struct given **sorted = ARENA_ARRAY(b->arena, const struct given *, b->given_count);
    size_t n = 0;
    for (const struct given *g = b->last; g != NULL; g = g->before) {
        sorted[n++] = g;
    }
    qsort(sorted, n, sizeof(*sorted), compare_given);
    // Of the faults that are found, the one that comes first in the query.
    const struct given *at = NULL;
    const char *fault = NULL;
    for (size_t i = 1; i < n; i++) {
        const struct given *x = sorted[i - 1];
        const struct given *y = sorted[i];
        const struct given *later = x->order < y->order ? y : x;
        enum bind_relation relation = bind_relate(&x->field, &y->field);
        const char *why = relation == BIND_ONEOF
                              ? "another parameter of the same oneof is given too"
                          : relation == BIND_SAME ? check_same(&x->field, &y->field)
                                                  : NULL;
        if (why != NULL && (at == NULL || later->order < at->order)) {
            at = later;
            fault = why;
        }
    }
    return at == NULL ? NULL : refuse(b->arena, at->key, fault);
}

// Notes that a key was given, unless that says nothing new.
static void note(struct query_binder *b, struct slice key, const struct bound_field *field) {
    const struct given *last = b->last;
    const struct schema_field *leaf = field->chain[field->depth - 1];
    if (last != NULL && leaf->repeated && !leaf->map && field->index == BIND_NO_INDEX &&
        last->field.index == BIND_NO_INDEX && bind_relate(&last->field, field) == BIND_SAME) {
        return;
    }
    struct given *g = ARENA_NEW(b->arena, struct given);
    *g = (struct given){b->last, b->given_count++, key, *field};
    b->last = g;
}

// --- values ---

// Whether text is a list of words, numbers and times with commas between; not of nothing.
static bool is_comma_list(struct slice text) {
    bool has_comma = false;
    bool has_item = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                        (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.' || c == ':';
        if (!is_plain && c != ',') {
            return false;
        }
        has_comma = has_comma || c == ',';
        has_item = has_item || is_plain;
    }
    return has_comma && has_item;
}

// The pairs to write instead of a list: "status=running&status=waiting", in a.
static const char *pairs_of(struct arena *a, struct slice key, struct slice list) {
    enum { LONGEST = 200 };
    struct strbuf pairs = STRBUF_INIT;
    while (list.len > 0 && pairs.len < LONGEST) {
        const uint8_t *comma = memchr(list.data, ',', list.len);
        struct slice item = comma == NULL ? list : slice_of(list.data, (size_t)(comma - list.data));
        if (item.len > 0) {
            strbuf_printf(&pairs, "%s%.*s=%.*s", pairs.len > 0 ? "&" : "", SLICE_FMT(key),
                          SLICE_FMT(item));
        }
        size_t taken = item.len + (comma == NULL ? 0 : 1);
        list = slice_of(list.data + taken, list.len - taken);
    }
    strbuf_append_cstr(&pairs, list.len > 0 ? "&..." : "");
    const char *text = arena_cstr(a, strbuf_slice(&pairs));
    strbuf_release(&pairs);
    return text;
}

// The fault of a value: of a list for a repeated field, with what to write instead.
static const char *explain(struct arena *a, struct slice key, const struct bound_field *field,
                           struct slice value, const char *fault) {
    const struct schema_field *leaf = field->chain[field->depth - 1];
    bool has_commas = leaf->message != NULL && leaf->message->known == KNOWN_FIELD_MASK;
    if (!leaf->repeated || leaf->map || has_commas || !is_comma_list(value)) {
        return fault;
    }
    if (field->index != BIND_NO_INDEX) {
        const uint8_t *bracket = memrchr(key.data, '[', key.len);
        key = slice_of(key.data, (size_t)(bracket - key.data));
    }
    return arena_printf(a, "%s; give each element by itself: %s", fault, pairs_of(a, key, value));
}

// --- pairs ---

static const struct error *bind_pair(struct query_binder *b, struct slice pair) {
    static const char no_hex[] = "\"%\" is not followed by two hex digits";
    const uint8_t *equals = memchr(pair.data, '=', pair.len);
    size_t key_len = equals == NULL ? pair.len : (size_t)(equals - pair.data);
    struct slice raw_key = slice_of(pair.data, key_len);
    struct slice value =
        equals == NULL ? SLICE_EMPTY : slice_of(equals + 1, pair.len - key_len - 1);
    size_t at;
    if (!percent_valid(raw_key, &at)) {
        return refuse(b->arena, raw_key, no_hex);
    }
    struct slice key = percent_decode(b->arena, raw_key, PERCENT_FORM);
    struct bound_field field;
    bool is_unknown = false;
    const char *fault = bind_key_resolve(b->arena, b->message, key, &field, &is_unknown);
    if (is_unknown && is_ignored(b->ignored, key)) {
        return NULL;
    }
    if (!percent_valid(value, &at)) {
        return refuse(b->arena, key, no_hex);
    }
    if (!utf8_valid(key)) {
        return refuse(b->arena, key, "its name is no valid UTF-8");
    }
    if (b->taken->whole_body) {
        return refuse(b->arena, key,
                      "this method takes no query parameters; its fields stand in the body");
    }
    if (fault == NULL) {
        fault = check_taken(b->taken, &field);
    }
    if (fault == NULL) {
        note(b, key, &field);
        value = percent_decode(b->arena, value, PERCENT_FORM);
        fault = bind_put(b->arena, &field, value, b->json, b->out);
        fault = fault == NULL ? NULL : explain(b->arena, key, &field, value, fault);
    }
    return fault == NULL ? NULL : refuse(b->arena, key, fault);
}

const struct error *bind_query(struct arena *a, const struct schema_message *m, struct slice query,
                               const struct bind_taken *taken, const struct bind_ignored *ignored,
                               const struct json_read_options *json, struct strbuf *out) {
    struct query_binder b = {
        .arena = a, .message = m, .taken = taken, .ignored = ignored, .json = json, .out = out};
    size_t start = 0;
    for (size_t i = 0; i <= query.len; i++) {
        if (i < query.len && query.data[i] != '&') {
            continue;
        }
        if (i > start) {
            const struct error *error = bind_pair(&b, slice_of(query.data + start, i - start));
            if (error != NULL) {
                return error;
            }
        }
        start = i + 1;
    }
    return check_given(&b);
}
