#include "gateway/transcode/http_body.h"

#include "base/core/utf8.h"
#include "base/core/wire.h"

enum { CONTENT_TYPE_FIELD = 1, DATA_FIELD = 2 };

bool http_body_is(const struct schema_message *m) {
    return slice_equal_cstr(m->full_name, "google.api.HttpBody");
}

bool http_body_is_field(const struct schema_field *f) {
    return f->message != NULL && !f->repeated && http_body_is(f->message);
}

void http_body_put(struct slice content_type, struct slice data, struct strbuf *out) {
    if (content_type.len > 0) {
        wire_put_bytes(out, CONTENT_TYPE_FIELD, content_type);
    }
    if (data.len > 0) {
        wire_put_bytes(out, DATA_FIELD, data);
    }
}

bool http_body_read(struct slice message, struct slice *ret_content_type, struct slice *ret_data) {
    struct slice content_type = SLICE_EMPTY;
    struct slice data = SLICE_EMPTY;
    const uint8_t *p = message.data;
    const uint8_t *end = p + message.len;
    while (p < end) {
        struct wire_field field;
        if (!wire_read_field(&p, end, &field)) {
            return false;
        }
        if (field.type == WIRE_BYTES && field.number == CONTENT_TYPE_FIELD) {
            content_type = field.bytes;
        } else if (field.type == WIRE_BYTES && field.number == DATA_FIELD) {
            data = field.bytes;
        }
    }
    if (!utf8_valid(content_type)) {
        return false;
    }
    *ret_content_type = content_type;
    *ret_data = data;
    return true;
}

bool http_body_read_field(struct arena *a, const struct schema_field *f, struct slice message,
                          struct slice *ret_content_type, struct slice *ret_data) {
    struct slice body = SLICE_EMPTY;
    const uint8_t *p = message.data;
    const uint8_t *end = p + message.len;
    while (p < end) {
        struct wire_field field;
        if (!wire_read_field(&p, end, &field)) {
            return false;
        }
        if ((int)field.type == (int)f->wire_type && field.number == f->number) {
            // Of several all are merged, which their concatenation is.
            struct strbuf merged = STRBUF_INIT;
            strbuf_append_slice(&merged, body);
            strbuf_append_slice(&merged, field.bytes);
            body = body.len == 0 ? field.bytes : arena_copy(a, strbuf_slice(&merged));
            strbuf_release(&merged);
        }
    }
    return http_body_read(body, ret_content_type, ret_data);
}
