#ifndef RUNSD_BASE_CLI_TIME_SPAN_H
#define RUNSD_BASE_CLI_TIME_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"

// Lengths of time as people write them.

// What one looks like, for messages.
#define TIME_SPAN_EXAMPLES "90s, 45m, 24h, 1h30m or 30d"

// Reads whole numbers with units, the largest first: w, d (of 24 hours), h, m, s. 0 alone may do
// without one.
// Returns whether text is one, of 36,500 days at most; *ret_seconds is untouched if not.
bool time_span_parse(const char *text, int64_t *ret_seconds);

// About how long, in one unit: "119s", "2m", "47h", "12d". Less than nothing is "0s". The text
// lives in a.
const char *time_span_text(struct arena *a, int64_t seconds);

#endif
