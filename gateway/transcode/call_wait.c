#include "gateway/transcode/call_wait.h"

#include "base/core/wire.h"
#include "gateway/transcode/marked_field.h"

// Field numbers of google.protobuf.Duration.
enum { DURATION_SECONDS = 1, DURATION_NANOS = 2 };

static bool is_duration(const struct schema_field *f) {
    return !f->repeated && !f->map && f->type == SCHEMA_MESSAGE &&
           f->message->known == KNOWN_DURATION;
}

const char *call_wait_find(struct arena *a, const struct schema_method *method,
                           const struct schema_field **ret) {
    *ret = NULL;
    return method->server_streaming || method->client_streaming
               ? NULL
               : marked_field_find(a, method->input, SCHEMA_CALL_WAIT, "call_wait", is_duration,
                                   "it is no Duration", ret);
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
