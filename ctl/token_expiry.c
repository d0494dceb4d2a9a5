#include "ctl/token_expiry.h"

#include "base/core/clock.h"
#include "base/core/timestamp.h"
#include "ctl/time_option.h"

static const struct error *read_expires_in(struct arena *a, const char *text,
                                           Google__Protobuf__Timestamp *ret) {
    int64_t duration;
    const struct error *error = time_option_read_span(a, "--expires-in", text, &duration);
    if (error != NULL) {
        return error;
    }
    int64_t now_us = clock_now_us(&clock_system);
    ret->seconds = now_us / 1000000 + duration;
    ret->nanos = (int32_t)(now_us % 1000000 * 1000);
    if (duration == 0 || ret->seconds > TIMESTAMP_MAX_SECONDS) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "--expires-in: \"%s\" is %s",
                         text, duration == 0 ? "no time at all" : "beyond the year 9999");
    }
    return NULL;
}

const struct error *token_expiry_read(struct arena *a, const char *expires_at,
                                      const char *expires_in, Google__Protobuf__Timestamp *ret,
                                      Google__Protobuf__Timestamp **ret_field) {
    if (expires_at == NULL && expires_in == NULL) {
        return NULL;
    }
    *ret_field = ret;
    if (expires_at != NULL && expires_in != NULL) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--expires-at and --expires-in exclude each other");
    }
    if (expires_in != NULL) {
        return read_expires_in(a, expires_in, ret);
    }
    return timestamp_parse(slice_of_cstr(expires_at), &ret->seconds, &ret->nanos)
               ? NULL
               : error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                           "--expires-at: \"%s\" is no RFC 3339 time like 2026-01-31T09:00:00Z; "
                           "--expires-in takes lengths of time",
                           expires_at);
}
