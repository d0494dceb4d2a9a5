#include "gateway/transcode/bind_key.h"

#include "base/core/well_known_fields.h"
#include "gateway/json/scalar.h"

// --- the last field ---

// The wire bytes of the key of a map's entry from "[key]", in a.
static const char *read_entry(struct arena *a, const struct schema_field *leaf, struct slice rest,
                              struct bound_field *ret) {
    const struct schema_field *key = schema_field_by_number(leaf->message, MAP_KEY);
    const struct schema_field *value = schema_field_by_number(leaf->message, MAP_VALUE);
    if (!bind_has_text(value)) {
        return arena_printf(a, "field %s is a map of messages, which only a body can give",
                            scalar_quote(a, leaf->json_name));
    }
    if (rest.len < 2 || rest.data[0] != '[' || rest.data[rest.len - 1] != ']') {
        return arena_printf(a, "field %s is a map: give each entry as %.*s[key]=value",
                            scalar_quote(a, leaf->json_name), SLICE_FMT(leaf->json_name));
    }
    struct strbuf bytes = STRBUF_INIT;
    scalar_put_tag(key, &bytes);
    const char *fault = scalar_put_text(a, key, slice_of(rest.data + 1, rest.len - 2), &bytes);
    ret->map_key = arena_copy(a, strbuf_slice(&bytes));
    strbuf_release(&bytes);
    return fault == NULL ? NULL : arena_printf(a, "the map's key: %s", fault);
}

// "[]" or "[3]".
static bool read_index(struct slice rest, int32_t *ret_index) {
    if (rest.len < 2 || rest.len > 11 || rest.data[0] != '[' || rest.data[rest.len - 1] != ']' ||
        (rest.len > 3 && rest.data[1] == '0')) {
        return false;
    }
    int32_t index = rest.len == 2 ? BIND_NO_INDEX : 0;
    for (size_t i = 1; i < rest.len - 1; i++) {
        if (rest.data[i] < '0' || rest.data[i] > '9') {
            return false;
        }
        index = index * 10 + (rest.data[i] - '0');
    }
    *ret_index = index;
    return true;
}

// rest is what stands behind the field's name.
static const char *read_leaf(struct arena *a, const struct schema_field *leaf, struct slice rest,
                             struct bound_field *ret) {
    if (leaf->map) {
        return read_entry(a, leaf, rest, ret);
    }
    if (rest.len > 0 && rest.data[0] == '.') {
        return bind_has_no_fields(a, leaf->json_name);
    }
    const char *name = scalar_quote(a, leaf->json_name);
    if (!bind_has_text(leaf)) {
        return arena_printf(a, "field %s is a message, which only a body can give", name);
    }
    if (rest.len == 0) {
        return NULL;
    }
    if (!leaf->repeated) {
        return arena_printf(a, "field %s is neither repeated nor a map", name);
    }
    return read_index(rest, &ret->index)
               ? NULL
               : arena_printf(a, "field %s is repeated: give each element as %.*s=value", name,
                              SLICE_FMT(leaf->json_name));
}

// --- the names before it ---

// Takes the next name off *rest: up to "." or "[".
static struct slice take_name(struct slice *rest) {
    size_t n = 0;
    while (n < rest->len && rest->data[n] != '.' && rest->data[n] != '[') {
        n++;
    }
    struct slice name = slice_of(rest->data, n);
    *rest = slice_of(rest->data + n, rest->len - n);
    return name;
}

// Takes "[name]" off *rest. Returns false if the bracket is not closed, or if something else
// than "." or "[" stands behind it.
static bool take_name_in_brackets(struct slice *rest, struct slice *ret_name) {
    const uint8_t *close = memchr(rest->data, ']', rest->len);
    if (close == NULL) {
        return false;
    }
    size_t n = (size_t)(close - rest->data);
    *ret_name = slice_of(rest->data + 1, n - 1);
    *rest = slice_of(close + 1, rest->len - n - 1);
    return rest->len == 0 || rest->data[0] == '.' || rest->data[0] == '[';
}

const char *bind_key_resolve(struct arena *a, const struct schema_message *m, struct slice key,
                             struct bound_field *ret, bool *ret_unknown) {
    const struct schema_field *chain[BIND_DEPTH];
    struct slice rest = key;
    struct slice name = take_name(&rest);
    *ret_unknown = false;
    *ret = (struct bound_field){.index = BIND_NO_INDEX};
    for (;;) {
        const struct schema_field *f = schema_find_field(m, name);
        if (f == NULL) {
            *ret_unknown = true;
            return arena_printf(a, "%.*s has no field %s", SLICE_FMT(m->full_name),
                                scalar_quote(a, name));
        }
        if (ret->depth == BIND_DEPTH) {
            return arena_printf(a, "it is nested deeper than %d", BIND_DEPTH);
        }
        chain[ret->depth++] = f;
        if (rest.len == 0 || !bind_has_fields(f)) {
            break;
        }
        m = f->message;
        if (rest.data[0] == '.') {
            rest = slice_of(rest.data + 1, rest.len - 1);
            name = take_name(&rest);
        } else if (!take_name_in_brackets(&rest, &name)) {
            return "its brackets are malformed";
        }
    }
    const char *fault = read_leaf(a, chain[ret->depth - 1], rest, ret);
    if (fault == NULL) {
        ret->chain = ARENA_ARRAY(a, const struct schema_field *, ret->depth);
        memcpy(ret->chain, chain, sizeof(chain[0]) * ret->depth);
    }
    return fault;
}
