#ifndef RUNSD_GATEWAY_JSON_JSON_NUMBER_H
#define RUNSD_GATEWAY_JSON_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/slice.h"

// Numbers as JSON text, exactly: no integer passes through a double. Source:
// RFC 8259 section 6, and the proto3 JSON mapping. Pure.

// Room that every json_format function may use.
enum { JSON_NUMBER_BYTES = 40 };

// Write a number to ret_text and return its length. Doubles and floats must be
// finite; their text is the shortest that reads back as the same value.
size_t json_format_uint64(uint64_t value, char *ret_text);
size_t json_format_int64(int64_t value, char *ret_text);
size_t json_format_double(double value, char *ret_text);
size_t json_format_float(float value, char *ret_text);

// Returns the length of the JSON number at the start of text, 0 if there is
// none: of text that goes on malformed ("1.x", "01") that of the longest valid
// number ("1", "0").
size_t json_number_length(struct slice text);

enum json_number_result {
    JSON_NUMBER_OK,
    JSON_NUMBER_MALFORMED,  // no JSON number
    JSON_NUMBER_FRACTIONAL, // has a fraction where an integer is required
    JSON_NUMBER_RANGE,      // out of the type's range
};

// Read the whole of text. Integers may be spelled "1.0" or "1e3" (proto3 JSON).
enum json_number_result json_parse_int64(struct slice text, int64_t min, int64_t max, int64_t *ret);
enum json_number_result json_parse_uint64(struct slice text, uint64_t max, uint64_t *ret);
enum json_number_result json_parse_double(struct slice text, double *ret);
enum json_number_result json_parse_float(struct slice text, float *ret);

// Whether value, read from text (a JSON number), prints as the same decimal
// number again, by us or by a writer of 17 digits (0.10000000000000001): false
// for 9007199254740993, 0.1234567890123456789, 1e-400.
bool json_double_keeps(struct slice text, double value);

#endif
