#include "ctl/time_option.h"

#include <stdbool.h>
#include <string.h>

#include "base/cli/time_span.h"
#include "base/core/timestamp.h"

const struct error *time_option_read_span(struct arena *a, const char *option, const char *text,
                                          int64_t *ret_seconds) {
    return time_span_parse(text, ret_seconds)
               ? NULL
               : error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                           "%s: \"%s\" is no length of time like " TIME_SPAN_EXAMPLES
                           ", up to 36500d",
                           option, text);
}

static bool read_instant(struct arena *a, const char *text, int64_t *ret_seconds,
                         int32_t *ret_nanos) {
    if (timestamp_parse(slice_of_cstr(text), ret_seconds, ret_nanos)) {
        return true;
    }
    const char *moment = arena_printf(a, "%sT00:00:00Z", text);
    return strlen(text) == strlen("2026-01-31") &&
           timestamp_parse(slice_of_cstr(moment), ret_seconds, ret_nanos);
}

const struct error *time_option_read(struct arena *a, const char *option, const char *text,
                                     int64_t now_us, int64_t *ret_seconds, int32_t *ret_nanos) {
    if (read_instant(a, text, ret_seconds, ret_nanos)) {
        return NULL;
    }
    int64_t ago;
    if (!time_span_parse(text, &ago)) {
        return error_new(
            a, STATUS_INVALID_ARGUMENT, REASON_NONE,
            "%s: \"%s\" is no time: neither a length of time like 15m, 2h or 7d (so long "
            "ago) nor a date like 2026-01-31 nor RFC 3339 like "
            "2026-01-31T09:00:00Z",
            option, text);
    }
    *ret_seconds = now_us / 1000000 - ago;
    *ret_nanos = (int32_t)(now_us % 1000000 * 1000);
    return NULL;
}
