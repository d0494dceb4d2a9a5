#include "gateway/transcode/call_wait.h"

#include "base/core/wire.h"

// Field numbers of google.protobuf.Duration.
enum { DURATION_SECONDS = 1, DURATION_NANOS = 2 };

const char *call_wait_find(struct arena *a, const struct schema_method *method,
                           const struct schema_field **ret) {
    *ret = NULL;
    if (method->server_streaming || method->client_streaming) {
        return NULL;
    }
    const struct schema_message *m = method->input;
    for (uint32_t i = 0; i < m->field_count; i++) {
        const struct schema_field *f = &m->fields[i];
        if ((f->marks & SCHEMA_CALL_WAIT) == 0) {
            continue;
        }
        bool is_duration = !f->repeated && !f->map && f->type == SCHEMA_MESSAGE &&
                           f->message->known == KNOWN_DURATION;
        if (*ret != NULL || !is_duration) {
            return arena_printf(a, "field \"%.*s\" of %.*s cannot be its call_wait: %s",
                                SLICE_FMT(f->name), SLICE_FMT(m->full_name),
                                *ret != NULL ? "another one is" : "it is no Duration");
        }
        *ret = f;
    }
    return NULL;
}

static int64_t number_of(struct slice duration, uint32_t number) {
    struct wire_field field;
    return wire_find_last(duration, number, WIRE_VARINT, &field) ? (int64_t)field.value : 0;
}

int64_t call_wait_ms(const struct schema_field *wait, struct slice message) {
    struct wire_field field;
    if (wait == NULL || !wire_find_last(message, wait->number, WIRE_BYTES, &field)) {
        return 0;
    }
    int64_t seconds = number_of(field.bytes, DURATION_SECONDS);
    int64_t nanos = number_of(field.bytes, DURATION_NANOS);
    if (seconds < 0 || nanos < 0) {
        return 0;
    }
    if (seconds >= CALL_WAIT_MOST_MS / 1000 || nanos >= 1000000000) {
        return CALL_WAIT_MOST_MS;
    }
    return seconds * 1000 + (nanos + 999999) / 1000000;
}
