#include "gateway/transcode/bind.h"

#include "base/core/well_known_fields.h"
#include "base/core/wire.h"
#include "gateway/json/scalar.h"

enum bind_relation bind_relate(const struct bound_field *x, const struct bound_field *y) {
    size_t depth = x->depth < y->depth ? x->depth : y->depth;
    for (size_t i = 0; i < depth; i++) {
        if (x->chain[i] != y->chain[i]) {
            return x->chain[i]->oneof >= 0 && x->chain[i]->oneof == y->chain[i]->oneof ? BIND_ONEOF
                                                                                       : BIND_APART;
        }
    }
    return x->depth == y->depth ? BIND_SAME : BIND_APART;
}

const char *bind_has_no_fields(struct arena *a, struct slice name) {
    return arena_printf(a, "field %s has no fields that can be given so", scalar_quote(a, name));
}

// --- path variables ---

const struct schema_field *bind_find_named(const struct schema_message *m, struct slice name) {
    const struct schema_field *f = schema_find_field(m, name);
    return f != NULL && slice_equal(f->name, name) ? f : NULL;
}

const char *bind_no_field(struct arena *a, const struct schema_message *m, struct slice name) {
    const struct schema_field *meant = schema_find_field(m, name);
    const char *fault =
        arena_printf(a, "%.*s has no field %s", SLICE_FMT(m->full_name), scalar_quote(a, name));
    return meant == NULL ? fault
                         : arena_printf(a,
                                        "%s: that is the JSON name of %s, and rules use the "
                                        "proto's names",
                                        fault, scalar_quote(a, meant->name));
}

// Whether one segment of text can be the field's value.
static const char *check_variable(const struct schema_field *leaf) {
    if (leaf->repeated) {
        return leaf->map ? "a map cannot be a path variable"
                         : "a repeated field cannot be a path variable";
    }
    return scalar_has_text(leaf) ? NULL : "a message cannot be a path variable";
}

const char *bind_resolve(struct arena *a, const struct schema_message *m, struct slice path,
                         struct bound_field *ret) {
    *ret = (struct bound_field){
        .chain = ARENA_ARRAY(a, const struct schema_field *, BIND_DEPTH),
        .index = BIND_NO_INDEX,
    };
    for (size_t start = 0;;) {
        const uint8_t *dot = memchr(path.data + start, '.', path.len - start);
        size_t end = dot == NULL ? path.len : (size_t)(dot - path.data);
        struct slice name = slice_of(path.data + start, end - start);
        const struct schema_field *f = bind_find_named(m, name);
        if (f == NULL) {
            return bind_no_field(a, m, name);
        }
        if (ret->depth == BIND_DEPTH) {
            return arena_printf(a, "it is nested deeper than %d", BIND_DEPTH);
        }
        ret->chain[ret->depth++] = f;
        if (end == path.len) {
            return check_variable(f);
        }
        if (!bind_has_fields(f)) {
            return bind_has_no_fields(a, name);
        }
        m = f->message;
        start = end + 1;
    }
}

// --- values ---

static const char *put_element(struct arena *a, const struct schema_field *f, struct slice text,
                               const struct json_read_options *json, struct strbuf *out) {
    scalar_put_tag(f, out);
    return json_is_free_form(f) ? json_read_free_form(a, f, text, json, out)
                                : scalar_put_text(a, f, text, out);
}

// The bound field itself, the last of the chain.
static const char *put_leaf(struct arena *a, const struct bound_field *field, struct slice text,
                            const struct json_read_options *json, struct strbuf *out) {
    const struct schema_field *leaf = field->chain[field->depth - 1];
    if (!leaf->map) {
        return put_element(a, leaf, text, json, out);
    }
    const struct schema_field *value = schema_field_by_number(leaf->message, MAP_VALUE);
    struct strbuf entry = STRBUF_INIT;
    strbuf_append_slice(&entry, field->map_key);
    const char *fault = put_element(a, value, text, json, &entry);
    wire_put_bytes(out, leaf->number, strbuf_slice(&entry));
    strbuf_release(&entry);
    return fault;
}

const char *bind_put(struct arena *a, const struct bound_field *field, struct slice text,
                     const struct json_read_options *json, struct strbuf *out) {
    if (field->depth == 1) {
        return put_leaf(a, field, text, json, out);
    }
    struct strbuf inner = STRBUF_INIT;
    const char *fault = put_leaf(a, field, text, json, &inner);
    // From the inside outwards, because a length stands in front.
    struct slice bytes = arena_copy(a, strbuf_slice(&inner));
    for (size_t i = field->depth - 1; fault == NULL && i > 0; i--) {
        inner.len = 0;
        scalar_put_message(field->chain[i - 1], bytes, i == 1 ? out : &inner);
        if (i > 1) {
            bytes = arena_copy(a, strbuf_slice(&inner));
        }
    }
    strbuf_release(&inner);
    return fault;
}
