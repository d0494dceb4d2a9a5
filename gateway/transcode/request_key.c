#include "gateway/transcode/request_key.h"

#include "base/core/wire.h"
#include "gateway/transcode/marked_field.h"

static bool is_string(const struct schema_field *f) {
    return !f->repeated && f->type == SCHEMA_STRING;
}

const char *request_key_find(struct arena *a, const struct schema_method *method,
                             const struct schema_field **ret) {
    *ret = NULL;
    return method->server_streaming || method->client_streaming
               ? NULL
               : marked_field_find(a, method->input, SCHEMA_IDEMPOTENCY_KEY, "idempotency_key",
                                   is_string, "it is no string", ret);
}

bool request_key_set(struct arena *a, const struct schema_field *field, struct slice key,
                     struct slice *message, struct slice *ret_other) {
    struct wire_field had;
    if (wire_find_last(*message, field->number, WIRE_BYTES, &had) && had.bytes.len > 0) {
        *ret_other = had.bytes;
        return slice_equal(had.bytes, key);
    }
    struct strbuf out = STRBUF_INIT;
    strbuf_append_slice(&out, *message);
    wire_put_bytes(&out, field->number, key);
    *message = arena_copy(a, strbuf_slice(&out));
    strbuf_release(&out);
    return true;
}
