#include "base/core/well_known_fields.h"
#include "gateway/json/json_number.h"
#include "gateway/json/json_reader.h"
#include "gateway/json/scalar.h"

// The well-known types whose JSON is not that of their fields.

static bool get_struct(struct json_reader *r, const struct json_path *path) {
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
        wire_put_tag(r->out, STRUCT_FIELDS, WIRE_BYTES);
        size_t entry = json_begin_length(r);
        wire_put_bytes(r->out, MAP_KEY, at.key);
        wire_put_tag(r->out, MAP_VALUE, WIRE_BYTES);
        size_t value = json_begin_length(r);
        if (!json_get_value(r, &at)) {
            return false;
        }
        json_end_length(r, value);
        json_end_length(r, entry);
    }
}

static bool get_list_value(struct json_reader *r, const struct json_path *path) {
    if (json_peek(r) != '[') {
        return json_fail_kind(r, path, "an array");
    }
    if (!json_open(r, '[', path)) {
        return false;
    }
    struct json_path item = {path, SLICE_EMPTY, 0};
    bool first = true;
    bool more;
    for (;; item.index++) {
        if (!json_more(r, ']', &first, &more)) {
            return false;
        }
        if (!more) {
            return true;
        }
        wire_put_tag(r->out, LIST_VALUES, WIRE_BYTES);
        size_t begin = json_begin_length(r);
        if (!json_get_value(r, &item)) {
            return false;
        }
        json_end_length(r, begin);
    }
}

// A number of a Value is a double: one that a double does not keep would come
// back changed, which the contract forbids unless the gateway is told to round.
static bool get_value_number(struct json_reader *r, const struct json_path *path) {
    struct slice text;
    if (!json_read_number(r, &text)) {
        return false;
    }
    double number;
    bool is_in_range = json_parse_double(text, &number) == JSON_NUMBER_OK;
    if (r->round_numbers && !is_in_range) {
        return json_fail_path(r, path,
                              "the number %.*s%s is beyond the range of 64-bit floats; send it as "
                              "a string",
                              text.len > 64 ? 64 : (int)text.len, (const char *)text.data,
                              text.len > 64 ? "..." : "");
    }
    if (!r->round_numbers && (!is_in_range || !json_double_keeps(text, number))) {
        return json_fail_path(r, path,
                              "the number %.*s%s cannot be kept exactly (free-form numbers are "
                              "64-bit floats); send it as a string",
                              text.len > 64 ? 64 : (int)text.len, (const char *)text.data,
                              text.len > 64 ? "..." : "");
    }
    wire_put_fixed64(r->out, VALUE_NUMBER, wire_double_bits(number));
    return true;
}

bool json_get_value(struct json_reader *r, const struct json_path *path) {
    struct slice text;
    size_t begin;
    switch (json_peek(r)) {
    case 'n':
        wire_put_uint(r->out, VALUE_NULL, 0);
        return json_read_word(r, "null");
    case 't':
        wire_put_uint(r->out, VALUE_BOOL, 1);
        return json_read_word(r, "true");
    case 'f':
        wire_put_uint(r->out, VALUE_BOOL, 0);
        return json_read_word(r, "false");
    case '"':
        if (!json_read_string(r, &text)) {
            return false;
        }
        wire_put_bytes(r->out, VALUE_STRING, text);
        return true;
    case '{':
        wire_put_tag(r->out, VALUE_STRUCT, WIRE_BYTES);
        begin = json_begin_length(r);
        if (!get_struct(r, path)) {
            return false;
        }
        json_end_length(r, begin);
        return true;
    case '[':
        wire_put_tag(r->out, VALUE_LIST, WIRE_BYTES);
        begin = json_begin_length(r);
        if (!get_list_value(r, path)) {
            return false;
        }
        json_end_length(r, begin);
        return true;
    default:
        return get_value_number(r, path);
    }
}

// Counts what was read before "@type" was found, and restores the reader's position. Read
// once more at each level that has it last, nested values would cost their depth times their
// size; with "@type" in front, as we and others print it, they cost their size.
static bool found_type(struct json_reader *r, const struct json_path *at, const uint8_t *p,
                       int depth) {
    enum { MOST_TIMES = 10 };
    r->passed_over += (size_t)(r->p - p);
    if (r->passed_over / MOST_TIMES > (size_t)(r->end - r->start)) {
        return json_fail_path(
            r, at,
            "so many values of google.protobuf.Any are nested that \"@type\" must "
            "be the first key of each");
    }
    r->p = p;
    r->depth = depth;
    return true;
}

// Finds "@type" in the object whose opening bracket was read, and restores the
// reader's position. An empty object has none.
static bool find_type(struct json_reader *r, const struct json_path *path, struct slice *ret_url,
                      bool *ret_empty) {
    const uint8_t *p = r->p;
    int depth = r->depth;
    struct json_path at = {path, slice_of_cstr("@type"), 0};
    bool first = true;
    bool more;
    *ret_empty = true;
    while (json_more(r, '}', &first, &more)) {
        if (!more) {
            if (*ret_empty) {
                r->p = p;
                r->depth = depth;
                return true;
            }
            return json_fail_path(r, &at, "it is missing");
        }
        *ret_empty = false;
        struct slice key;
        if (!json_read_key(r, &key)) {
            return false;
        }
        if (slice_equal_cstr(key, "@type")) {
            if (json_peek(r) != '"') {
                return json_fail_kind(r, &at, "a string");
            }
            return json_read_string(r, ret_url) && found_type(r, &at, p, depth);
        }
        if (!json_skip_value(r)) {
            return false;
        }
    }
    return false;
}

// google.protobuf.Empty has no JSON of its own: libprotobuf, upb and we print an Any of it as
// "@type" alone, Go with "value": {}.
static bool is_empty_message(const struct schema_message *m) {
    return slice_equal_cstr(m->full_name, "google.protobuf.Empty");
}

// The members of an Any of a well-known type: "@type" and "value".
static bool get_any_known(struct json_reader *r, const struct schema_message *m,
                          const struct json_path *path) {
    bool type_seen = false;
    bool value_seen = false;
    bool first = true;
    bool more;
    for (;;) {
        if (!json_more(r, '}', &first, &more)) {
            return false;
        }
        struct json_path at = {path, slice_of_cstr("value"), 0};
        if (!more) {
            return value_seen || is_empty_message(m) || json_fail_path(r, &at, "it is missing");
        }
        if (!json_read_key(r, &at.key)) {
            return false;
        }
        bool *seen = slice_equal_cstr(at.key, "@type")   ? &type_seen
                     : slice_equal_cstr(at.key, "value") ? &value_seen
                                                         : NULL;
        if (seen == NULL && r->ignore_unknown && is_empty_message(m)) {
            if (!json_skip_value(r)) {
                return false;
            }
            continue;
        }
        if (seen == NULL) {
            return json_fail_path(r, &at, "an Any of %.*s has \"@type\" and \"value\" alone",
                                  SLICE_FMT(m->full_name));
        }
        if (*seen) {
            return json_fail_path(r, &at, "the key stands twice");
        }
        *seen = true;
        if (!(seen == &type_seen ? json_skip_value(r) : r->get->message(r, m, &at))) {
            return false;
        }
    }
}

static bool get_any(struct json_reader *r, const struct json_path *path) {
    if (json_peek(r) != '{') {
        return json_fail_kind(r, path, "an object");
    }
    if (!json_open(r, '{', path)) {
        return false;
    }
    struct slice url = SLICE_EMPTY;
    bool empty;
    if (!find_type(r, path, &url, &empty)) {
        return false;
    }
    bool more;
    bool first = true;
    if (empty) {
        return json_more(r, '}', &first, &more);
    }
    size_t name = url.len;
    while (name > 0 && url.data[name - 1] != '/') {
        name--;
    }
    const struct schema_message *m =
        name == 0 ? NULL
                  : schema_find_message(r->schema, slice_of(url.data + name, url.len - name));
    if (m == NULL) {
        struct json_path at = {path, slice_of_cstr("@type"), 0};
        return json_fail_path(r, &at, "%s is no type that is known here",
                              scalar_quote(r->arena, url));
    }
    wire_put_bytes(r->out, ANY_TYPE_URL, url);
    wire_put_tag(r->out, ANY_VALUE, WIRE_BYTES);
    size_t begin = json_begin_length(r);
    bool ok = m->known != KNOWN_NONE || is_empty_message(m) ? get_any_known(r, m, path)
                                                            : r->get->members(r, m, path, true);
    if (!ok) {
        return false;
    }
    json_end_length(r, begin);
    return true;
}

static bool get_text(struct json_reader *r, const struct schema_message *m,
                     const struct json_path *path) {
    struct slice text;
    if (json_peek(r) != '"') {
        return json_fail_kind(r, path, "a string");
    }
    if (!json_read_string(r, &text)) {
        return false;
    }
    const char *fault = scalar_put_known(r->arena, m->known, text, r->out);
    return fault == NULL || json_fail_path(r, path, "%s", fault);
}

bool json_get_known(struct json_reader *r, const struct schema_message *m,
                    const struct json_path *path) {
    switch (m->known) {
    case KNOWN_ANY:
        return get_any(r, path);
    case KNOWN_LIST_VALUE:
        return get_list_value(r, path);
    case KNOWN_STRUCT:
        return get_struct(r, path);
    case KNOWN_VALUE:
        return json_get_value(r, path);
    case KNOWN_WRAPPER:
        scalar_put_tag(&m->fields[0], r->out);
        return r->get->element(r, &m->fields[0], path);
    default:
        return get_text(r, m, path);
    }
}
