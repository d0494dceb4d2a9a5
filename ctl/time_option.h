#ifndef RUNSD_CTL_TIME_OPTION_H
#define RUNSD_CTL_TIME_OPTION_H

#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"

// Options whose values are times, or lengths of time (base/cli/time_span.h). Pure.

// What an option's help says of its value.
#define TIME_OPTION_VALUES "2h, 7d (so long ago), 2026-01-31 or RFC 3339"

// Reads a length of time, which may be 0.
// INVALID_ARGUMENT, in a, naming the option and what was given.
const struct error *time_option_read_span(struct arena *a, const char *option, const char *text,
                                          int64_t *ret_seconds);

// Reads a time: RFC 3339, a date, which is its first moment in UTC, or a length of time, which is
// so long before now_us. INVALID_ARGUMENT, in a, naming the option and what was given.
const struct error *time_option_read(struct arena *a, const char *option, const char *text,
                                     int64_t now_us, int64_t *ret_seconds, int32_t *ret_nanos);

#endif
