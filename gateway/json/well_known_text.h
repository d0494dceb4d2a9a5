#ifndef RUNSD_GATEWAY_JSON_WELL_KNOWN_TEXT_H
#define RUNSD_GATEWAY_JSON_WELL_KNOWN_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"

// The text of google.protobuf.Duration in JSON (duration.proto). Pure.

// Of whole seconds, either way: up to a second less a nanosecond may come on top.
#define DURATION_MAX_SECONDS INT64_C(315576000000)

enum { DURATION_TEXT_SIZE = 32 };

// Whether the parts of a duration do not differ in sign, as duration.proto requires.
bool duration_signs_agree(int64_t seconds, int32_t nanos);

// Writes "-1.500s" with 0, 3, 6 or 9 digits of fraction and returns its length;
// 0 if the duration is out of range or the signs of its parts differ.
int duration_format(int64_t seconds, int32_t nanos, char ret_text[DURATION_TEXT_SIZE]);

// Reads digits, at most 9 of fraction, and "s". Returns whether it is one that
// is in range; outputs are untouched if not.
bool duration_parse(struct slice text, int64_t *ret_seconds, int32_t *ret_nanos);

#endif
