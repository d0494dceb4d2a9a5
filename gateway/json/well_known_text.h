#ifndef RUNSD_GATEWAY_JSON_WELL_KNOWN_TEXT_H
#define RUNSD_GATEWAY_JSON_WELL_KNOWN_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "base/core/strbuf.h"

// The texts of google.protobuf.Duration and FieldMask in JSON (the comments of
// duration.proto and field_mask.proto). Pure.

#define DURATION_MAX_SECONDS INT64_C(315576000000)

enum { DURATION_TEXT_SIZE = 32 };

// Writes "-1.500s" with 0, 3, 6 or 9 digits of fraction and returns its length;
// 0 if the duration is out of range or the signs of its parts differ.
int duration_format(int64_t seconds, int32_t nanos, char ret_text[DURATION_TEXT_SIZE]);

// Reads digits, at most 9 of fraction, and "s". Returns whether it is one that
// is in range; outputs are untouched if not.
bool duration_parse(struct slice text, int64_t *ret_seconds, int32_t *ret_nanos);

// Appends one path of a mask in camel case. Returns false for a path that
// would not read back as itself ("fooBar", "foo__bar"); out is then undefined
// behind its former length.
bool field_mask_path_to_json(struct slice path, struct strbuf *out);

// Appends one path in snake case. Returns false for a text that holds "_" or
// what no field name does.
bool field_mask_path_from_json(struct slice text, struct strbuf *out);

#endif
