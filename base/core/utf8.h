#ifndef RUNSD_BASE_CORE_UTF8_H
#define RUNSD_BASE_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/slice.h"

// Well-formed UTF-8 (RFC 3629). Pure.

// Returns the length in bytes (1 to 4) of the well-formed UTF-8 sequence at
// the start of p[0..n), or 0 if there is none (RFC 3629: no surrogates, no
// overlong forms, at most U+10FFFF).
size_t utf8_sequence_length(const uint8_t *p, size_t n);

// Returns whether all of s is well-formed UTF-8.
bool utf8_valid(struct slice s);

// Returns the longest beginning of s, which is well-formed, that has at most so many bytes and
// ends with a whole character.
struct slice utf8_cut(struct slice s, size_t most);

#endif
