#include "base/core/timestamp.h"
#include "base/core/utf8.h"
#include "base/core/well_known_fields.h"
#include "gateway/json/field_mask_text.h"
#include "gateway/json/json_writer.h"
#include "gateway/json/well_known_text.h"

// The well-known types whose JSON is not that of their fields.

static bool read_time(struct json_writer *w, struct slice bytes, int64_t *ret_seconds,
                      int32_t *ret_nanos) {
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    struct wire_field v;
    *ret_seconds = 0;
    *ret_nanos = 0;
    while (p < end) {
        if (!json_next_field(&p, end, &v)) {
            return json_writer_fail(w, "a Timestamp or Duration is malformed");
        }
        if (v.type == WIRE_VARINT && v.number == TIME_SECONDS) {
            *ret_seconds = (int64_t)v.value;
        } else if (v.type == WIRE_VARINT && v.number == TIME_NANOS) {
            *ret_nanos = (int32_t)v.value;
        }
    }
    return true;
}

static bool put_timestamp(struct json_writer *w, struct slice bytes) {
    int64_t seconds;
    int32_t nanos;
    if (!read_time(w, bytes, &seconds, &nanos)) {
        return false;
    }
    char *out = (char *)json_reserve(w, TIMESTAMP_TEXT_SIZE + 2);
    int n = timestamp_format(seconds, nanos, out + 1);
    if (n == 0) {
        return json_writer_fail(w, "a google.protobuf.Timestamp is out of range");
    }
    out[0] = '"';
    out[n + 1] = '"';
    w->out->len += (size_t)n + 2;
    return true;
}

static bool put_duration(struct json_writer *w, struct slice bytes) {
    int64_t seconds;
    int32_t nanos;
    if (!read_time(w, bytes, &seconds, &nanos)) {
        return false;
    }
    char *out = (char *)json_reserve(w, DURATION_TEXT_SIZE + 2);
    int n = duration_format(seconds, nanos, out + 1);
    if (n == 0) {
        return json_writer_fail(
            w, duration_signs_agree(seconds, nanos)
                   ? "a google.protobuf.Duration is out of range"
                   : "seconds and nanos of a google.protobuf.Duration differ in sign");
    }
    out[0] = '"';
    out[n + 1] = '"';
    w->out->len += (size_t)n + 2;
    return true;
}

// Appends the mask's text to text.
static bool read_field_mask(struct json_writer *w, struct slice bytes, struct strbuf *text) {
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    struct wire_field v;
    while (p < end) {
        if (!json_next_field(&p, end, &v)) {
            return json_writer_fail(w, "a google.protobuf.FieldMask is malformed");
        }
        if (v.number != MASK_PATHS || v.type != WIRE_BYTES) {
            continue;
        }
        strbuf_append_cstr(text, text->len > 0 ? "," : "");
        if (!field_mask_path_to_json(v.bytes, text)) {
            return json_writer_fail(w, "a google.protobuf.FieldMask has a path without JSON form");
        }
    }
    return true;
}

static bool put_field_mask(struct json_writer *w, struct slice bytes) {
    struct strbuf text = STRBUF_INIT;
    // As a string, since a map's key in backticks may hold anything.
    bool ok = read_field_mask(w, bytes, &text) && json_put_string(w, strbuf_slice(&text));
    strbuf_release(&text);
    return ok;
}

static bool put_wrapper(struct json_writer *w, const struct schema_message *m, struct slice bytes) {
    const struct schema_field *f = schema_field_by_number(m, WRAPPER_VALUE);
    struct wire_field value = {.number = WRAPPER_VALUE, .type = (enum wire_type)f->wire_type};
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    struct wire_field v;
    while (p < end) {
        if (!json_next_field(&p, end, &v)) {
            return json_writer_fail(w, "a wrapper is malformed");
        }
        if (v.number == WRAPPER_VALUE && (int)v.type == (int)f->wire_type) {
            if (f->type == SCHEMA_STRING && !json_check_element(w, f, &value)) {
                return false;
            }
            value = v;
        }
    }
    return w->put->element(w, f, &value);
}

static const struct schema_message *resolve_type(const struct json_writer *w, struct slice url) {
    size_t start = url.len;
    while (start > 0 && url.data[start - 1] != '/') {
        start--;
    }
    if (start == 0) {
        return NULL; // a type URL has at least one slash
    }
    return schema_find_message(w->schema, slice_of(url.data + start, url.len - start));
}

static bool put_any(struct json_writer *w, struct slice bytes) {
    struct slice url = SLICE_EMPTY;
    struct slice value = SLICE_EMPTY;
    const uint8_t *p = bytes.data;
    const uint8_t *end = p + bytes.len;
    struct wire_field v;
    while (p < end) {
        if (!json_next_field(&p, end, &v)) {
            return json_writer_fail(w, "a google.protobuf.Any is malformed");
        }
        if (v.type == WIRE_BYTES && v.number == ANY_TYPE_URL) {
            // One that a later one replaces must be valid all the same.
            if (!utf8_valid(v.bytes)) {
                return json_writer_fail(w, "a string is no valid UTF-8");
            }
            url = v.bytes;
        } else if (v.type == WIRE_BYTES && v.number == ANY_VALUE) {
            value = v.bytes;
        }
    }
    if (!json_writer_enter(w)) {
        return false;
    }
    if (url.len == 0 && value.len == 0) {
        json_put(w, "{}", 2);
        json_writer_leave(w);
        return true;
    }
    const struct schema_message *m = resolve_type(w, url);
    if (m == NULL) {
        return json_writer_fail(w, "a google.protobuf.Any is of a type that is in no set");
    }
    json_put(w, "{\"@type\":", 9);
    if (!json_put_string(w, url)) {
        return false;
    }
    bool first = false;
    if (m->known != KNOWN_NONE) {
        json_put(w, ",\"value\":", 9);
        if (!w->put->message(w, m, value)) {
            return false;
        }
    } else if (!w->put->members(w, m, value, &first)) {
        return false;
    }
    json_put_byte(w, '}');
    json_writer_leave(w);
    return true;
}

bool json_put_known(struct json_writer *w, const struct schema_message *m, struct slice bytes) {
    switch (m->known) {
    case KNOWN_ANY:
        return put_any(w, bytes);
    case KNOWN_DURATION:
        return put_duration(w, bytes);
    case KNOWN_FIELD_MASK:
        return put_field_mask(w, bytes);
    case KNOWN_LIST_VALUE:
        return json_put_list_value(w, bytes);
    case KNOWN_STRUCT:
        return json_put_struct(w, bytes);
    case KNOWN_TIMESTAMP:
        return put_timestamp(w, bytes);
    case KNOWN_VALUE:
        return json_put_value(w, bytes);
    case KNOWN_WRAPPER:
        return put_wrapper(w, m, bytes);
    case KNOWN_NONE:
        break;
    }
    return json_writer_fail(w, "a message has a kind that is not known");
}
