#ifndef RUNSD_BASE_TRACE_TRACE_PARENT_H
#define RUNSD_BASE_TRACE_TRACE_PARENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"

// The traceparent of W3C Trace Context, https://www.w3.org/TR/trace-context/, section 3.2. Pure.

enum {
    TRACE_ID_BYTES = 16,
    TRACE_SPAN_ID_BYTES = 8,
    TRACE_ID_TEXT_SIZE = 2 * TRACE_ID_BYTES + 1,
    TRACE_PARENT_TEXT_SIZE = 55 + 1,
};

enum { TRACE_FLAG_SAMPLED = 1 };

// A span, as others name it.
struct trace_parent {
    uint8_t trace_id[TRACE_ID_BYTES];
    uint8_t span_id[TRACE_SPAN_ID_BYTES];
    uint8_t flags;
};

// Reads a traceparent. Returns false, with *ret untouched, if it is not valid. Of versions above
// 00 only what they share with it is looked at; what they append is printable.
bool trace_parent_read(struct slice value, struct trace_parent *ret);

// Writes it as version 00, with the sampled flag alone; the text ends with NUL.
void trace_parent_write(const struct trace_parent *parent, char ret_text[TRACE_PARENT_TEXT_SIZE]);

// Writes the trace's id as 32 hex digits; the text ends with NUL.
void trace_id_write(const uint8_t trace_id[TRACE_ID_BYTES], char ret_text[TRACE_ID_TEXT_SIZE]);

static inline bool trace_parent_is_sampled(const struct trace_parent *parent) {
    return (parent->flags & TRACE_FLAG_SAMPLED) != 0;
}

#endif
