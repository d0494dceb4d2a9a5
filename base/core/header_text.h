#ifndef RUNSD_BASE_CORE_HEADER_TEXT_H
#define RUNSD_BASE_CORE_HEADER_TEXT_H

#include <stdbool.h>

#include "base/core/slice.h"

// What every reader of a header's value needs. Pure.

// Whether s is text, in any case of its ASCII letters.
bool header_equal(struct slice s, const char *text);

// s without spaces and tabs at its ends.
struct slice header_trim(struct slice s);

// Takes what stands before the first separator off *rest, and the separator; trimmed.
struct slice header_take_until(struct slice *rest, char separator);

// Reads a weight (RFC 9110 section 12.4.2: 0 to 1 with up to three decimals), in
// thousandths. Returns false if it is none.
enum { HEADER_QUALITY_MOST = 1000 };
bool header_quality(struct slice s, int *ret_thousandths);

#endif
