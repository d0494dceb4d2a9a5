#include "gateway/transcode/bind.h"

#include "base/core/utf8.h"
#include "base/core/well_known_fields.h"
#include "base/core/wire.h"
#include "gateway/json/scalar.h"
#include "gateway/transcode/percent.h"

static const char *check_text(struct arena *a, const struct schema_field *leaf) {
    return scalar_has_text(leaf)
               ? NULL
               : arena_printf(a, "field %s is a message, which only a body can give",
                              scalar_quote(a, leaf->json_name));
}

// The wire bytes of the key of a map's entry from "[key]", in a.
static const char *resolve_entry(struct arena *a, const struct schema_field *leaf,
                                 struct slice brackets, struct slice *ret_key) {
    if (!leaf->map) {
        return arena_printf(a, "field %s is no map", scalar_quote(a, leaf->json_name));
    }
    const struct schema_field *key = schema_field_by_number(leaf->message, MAP_KEY);
    const struct schema_field *value = schema_field_by_number(leaf->message, MAP_VALUE);
    if (!scalar_has_text(value)) {
        return arena_printf(a, "field %s is a map of messages, which only a body can give",
                            scalar_quote(a, leaf->json_name));
    }
    if (brackets.len < 2 || brackets.data[brackets.len - 1] != ']') {
        return arena_printf(a, "field %s is a map: give each entry as %.*s[key]=value",
                            scalar_quote(a, leaf->json_name), SLICE_FMT(leaf->json_name));
    }
    struct strbuf bytes = STRBUF_INIT;
    scalar_put_tag(key, &bytes);
    const char *fault =
        scalar_put_text(a, key, slice_of(brackets.data + 1, brackets.len - 2), &bytes);
    *ret_key = arena_copy(a, strbuf_slice(&bytes));
    strbuf_release(&bytes);
    return fault == NULL ? NULL : arena_printf(a, "the map's key: %s", fault);
}

const char *bind_resolve(struct arena *a, const struct schema_message *m, struct slice path,
                         struct bound_field *ret) {
    const struct schema_field *chain[BIND_DEPTH];
    struct slice key = SLICE_EMPTY;
    size_t depth = 0;
    size_t start = 0;
    for (;;) {
        size_t end = start;
        while (end < path.len && path.data[end] != '.' && path.data[end] != '[') {
            end++;
        }
        struct slice name = slice_of(path.data + start, end - start);
        const struct schema_field *f = schema_find_field(m, name);
        if (f == NULL) {
            return arena_printf(a, "%.*s has no field %s", SLICE_FMT(m->full_name),
                                scalar_quote(a, name));
        }
        if (depth == BIND_DEPTH) {
            return arena_printf(a, "it is nested deeper than %d", BIND_DEPTH);
        }
        chain[depth++] = f;
        if (end == path.len) {
            break;
        }
        if (path.data[end] == '[') {
            key = slice_of(path.data + end, path.len - end);
            break;
        }
        if (f->message == NULL || f->repeated || f->type == SCHEMA_GROUP ||
            f->message->known != KNOWN_NONE) {
            return arena_printf(a, "field %s has no fields that can be given so",
                                scalar_quote(a, name));
        }
        m = f->message;
        start = end + 1;
    }
    const struct schema_field *leaf = chain[depth - 1];
    ret->map_key = SLICE_EMPTY;
    const char *fault =
        leaf->map || key.len > 0 ? resolve_entry(a, leaf, key, &ret->map_key) : check_text(a, leaf);
    if (fault != NULL) {
        return fault;
    }
    ret->chain = ARENA_ARRAY(a, const struct schema_field *, depth);
    memcpy(ret->chain, chain, sizeof(chain[0]) * depth);
    ret->depth = depth;
    return NULL;
}

// The bound field itself, the last of the chain.
static const char *put_leaf(struct arena *a, const struct bound_field *field, struct slice text,
                            struct strbuf *out) {
    const struct schema_field *leaf = field->chain[field->depth - 1];
    if (!leaf->map) {
        scalar_put_tag(leaf, out);
        return scalar_put_text(a, leaf, text, out);
    }
    const struct schema_field *value = schema_field_by_number(leaf->message, MAP_VALUE);
    struct strbuf entry = STRBUF_INIT;
    strbuf_append_slice(&entry, field->map_key);
    scalar_put_tag(value, &entry);
    const char *fault = scalar_put_text(a, value, text, &entry);
    wire_put_bytes(out, leaf->number, strbuf_slice(&entry));
    strbuf_release(&entry);
    return fault;
}

const char *bind_put(struct arena *a, const struct bound_field *field, struct slice text,
                     struct strbuf *out) {
    if (field->depth == 1) {
        return put_leaf(a, field, text, out);
    }
    struct strbuf inner = STRBUF_INIT;
    const char *fault = put_leaf(a, field, text, &inner);
    // From the inside outwards, because a length stands in front.
    struct slice bytes = arena_copy(a, strbuf_slice(&inner));
    for (size_t i = field->depth - 1; fault == NULL && i > 0; i--) {
        inner.len = 0;
        wire_put_bytes(i == 1 ? out : &inner, field->chain[i - 1]->number, bytes);
        if (i > 1) {
            bytes = arena_copy(a, strbuf_slice(&inner));
        }
    }
    strbuf_release(&inner);
    return fault;
}

// A key that the query set, or a path variable.
struct used {
    struct used *next;
    const struct bound_field *field;
};

struct query_binder {
    struct arena *arena;
    const struct schema_message *message;
    const struct bind_taken *taken;
    struct used *used;
    struct strbuf *out;
};

static const struct error *refuse(struct query_binder *b, struct slice key, const char *why) {
    // What of it is text: whole characters, at most 128 bytes.
    size_t n = 0;
    size_t next = 0;
    do {
        n += next;
        next = n < key.len ? utf8_sequence_length(key.data + n, key.len - n) : 0;
    } while (next > 0 && n + next <= 128);
    const char *name =
        n > 0 || key.len == 0 ? arena_cstr(b->arena, slice_of(key.data, n)) : "query";
    struct error *e =
        error_new(b->arena, STATUS_INVALID_ARGUMENT, REASON_QUERY_INVALID,
                  "Query parameter %s is invalid: %s.", scalar_quote(b->arena, key), why);
    error_add_violation(e, b->arena, name, "%s", why);
    return e;
}

// How two fields stand to each other: the same, in one oneof, or apart.
enum relation { RELATION_APART, RELATION_SAME, RELATION_ONEOF };

static enum relation relate(const struct bound_field *x, const struct bound_field *y) {
    size_t depth = x->depth < y->depth ? x->depth : y->depth;
    for (size_t i = 0; i < depth; i++) {
        if (x->chain[i] != y->chain[i]) {
            return x->chain[i]->oneof >= 0 && x->chain[i]->oneof == y->chain[i]->oneof
                       ? RELATION_ONEOF
                       : RELATION_APART;
        }
    }
    return x->depth == y->depth ? RELATION_SAME : RELATION_APART;
}

static const char *check_taken(struct query_binder *b, const struct bound_field *field) {
    for (size_t i = 0; i < b->taken->path_count; i++) {
        switch (relate(&b->taken->path[i], field)) {
        case RELATION_SAME:
            return "the path gives it already";
        case RELATION_ONEOF:
            return "it excludes a field that the path gives";
        case RELATION_APART:
            break;
        }
    }
    const struct schema_field *body = b->taken->body;
    if (body != NULL && field->chain[0] == body) {
        return "the body gives it";
    }
    if (body != NULL && body->oneof >= 0 && field->chain[0]->oneof == body->oneof) {
        return "it excludes the field that the body gives";
    }
    const struct schema_field *leaf = field->chain[field->depth - 1];
    for (const struct used *u = b->used; u != NULL; u = u->next) {
        switch (relate(u->field, field)) {
        case RELATION_SAME:
            if (leaf->map && !slice_equal(u->field->map_key, field->map_key)) {
                continue;
            }
            return leaf->repeated && !leaf->map ? NULL : "it is given twice";
        case RELATION_ONEOF:
            return "another parameter of the same oneof is given too";
        case RELATION_APART:
            break;
        }
    }
    struct used *u = ARENA_NEW(b->arena, struct used);
    *u = (struct used){b->used, field};
    b->used = u;
    return NULL;
}

static const struct error *bind_pair(struct query_binder *b, struct slice pair) {
    const uint8_t *equals = memchr(pair.data, '=', pair.len);
    size_t key_len = equals == NULL ? pair.len : (size_t)(equals - pair.data);
    struct slice key = slice_of(pair.data, key_len);
    struct slice value =
        equals == NULL ? SLICE_EMPTY : slice_of(equals + 1, pair.len - key_len - 1);
    size_t at;
    if (!percent_valid(key, &at) || !percent_valid(value, &at)) {
        return refuse(b, key, "\"%\" is not followed by two hex digits");
    }
    key = percent_decode(b->arena, key, PERCENT_FORM);
    value = percent_decode(b->arena, value, PERCENT_FORM);
    if (!utf8_valid(key)) {
        return refuse(b, key, "its name is no valid UTF-8");
    }
    if (b->taken->whole_body) {
        return refuse(b, key,
                      "this method takes no query parameters; its fields stand in the body");
    }
    struct bound_field *field = ARENA_NEW(b->arena, struct bound_field);
    const char *fault = bind_resolve(b->arena, b->message, key, field);
    if (fault == NULL) {
        fault = check_taken(b, field);
    }
    if (fault == NULL) {
        fault = bind_put(b->arena, field, value, b->out);
    }
    return fault == NULL ? NULL : refuse(b, key, fault);
}

const struct error *bind_query(struct arena *a, const struct schema_message *m, struct slice query,
                               const struct bind_taken *taken, struct strbuf *out) {
    struct query_binder b = {.arena = a, .message = m, .taken = taken, .out = out};
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
    return NULL;
}
