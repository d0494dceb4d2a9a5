#ifndef RUNSD_BASE_CORE_TIMESTAMP_H
#define RUNSD_BASE_CORE_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"

// Instants as RFC 3339 text. Pure.

// google.protobuf.Timestamp's range: years 1 to 9999.
#define TIMESTAMP_MIN_SECONDS INT64_C(-62135596800)
#define TIMESTAMP_MAX_SECONDS INT64_C(253402300799)

enum { TIMESTAMP_TEXT_SIZE = 40 };

// Writes RFC 3339 UTC with 0, 3, 6 or 9 digits of fraction, as proto3 JSON
// requires, and returns the length; the text ends with NUL. Returns 0 if the
// instant is out of google.protobuf.Timestamp's range.
int timestamp_format(int64_t seconds, int32_t nanos, char ret_text[TIMESTAMP_TEXT_SIZE]);

// timestamp_format for microseconds since the epoch.
int timestamp_format_us(int64_t us, char ret_text[TIMESTAMP_TEXT_SIZE]);

// Reads RFC 3339 as proto3 JSON has it: upper case T and Z or an offset, up to
// 9 digits of fraction, a date that exists, seconds to 59. Returns whether it
// is one; outputs are untouched if not.
bool timestamp_parse(struct slice text, int64_t *ret_seconds, int32_t *ret_nanos);

#endif
