#include "gateway/transcode/request_key.h"

#include "base/core/wire.h"

const char *request_key_find(struct arena *a, const struct schema_method *method,
                             const struct schema_field **ret) {
    *ret = NULL;
    if (method->server_streaming || method->client_streaming) {
        return NULL;
    }
    const struct schema_message *m = method->input;
    for (uint32_t i = 0; i < m->field_count; i++) {
        const struct schema_field *f = &m->fields[i];
        if ((f->marks & SCHEMA_IDEMPOTENCY_KEY) == 0) {
            continue;
        }
        bool is_string = !f->repeated && f->type == SCHEMA_STRING;
        if (*ret != NULL || !is_string) {
            return arena_printf(a, "field \"%.*s\" of %.*s cannot be its idempotency_key: %s",
                                SLICE_FMT(f->name), SLICE_FMT(m->full_name),
                                *ret != NULL ? "another one is" : "it is no string");
        }
        *ret = f;
    }
    return NULL;
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
