#ifndef RUNSD_BASE_TRACE_TRACE_SPAN_H
#define RUNSD_BASE_TRACE_TRACE_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "base/trace/trace_parent.h"

// A sampled span from its beginning until it is exported: what OTLP's Span has
// (https://opentelemetry.io/docs/specs/otlp/). Everywhere here NULL stands for a span that is
// not sampled, and nothing is done with it. One thread at a time.

struct trace_span;

// Which part of the program makes it: an instrumentation scope.
enum trace_scope { TRACE_GATEWAY, TRACE_SERVER, TRACE_STORE, TRACE_SCOPES };

enum {
    TRACE_MOST_ATTRIBUTES = 12, // more are dropped, and the span says how many
    TRACE_TEXT_BYTES = 1024,    // of the name, all texts and the tracestate; what is beyond is cut
    TRACE_LONGEST_TEXT = 256,   // bytes of a value or of the name; the rest is cut
    TRACE_LONGEST_STATE = 512,  // bytes; what W3C Trace Context asks of who passes it on
};

// Names it, by own text; else it has the name of its scope.
void trace_span_name(struct trace_span *span, struct slice before, struct slice name);

// Adds an attribute; the key is borrowed for good, the value copied. Bytes that are no UTF-8 become
// U+FFFD. What may be a token is hidden, as in the log (base/log/log_mask.h), but not of own text,
// which is ours: a route, a word of a table.
void trace_span_text(struct trace_span *span, const char *key, struct slice value);
void trace_span_own_text(struct trace_span *span, const char *key, struct slice value);
void trace_span_int(struct trace_span *span, const char *key, int64_t value);

// Has its status be an error.
void trace_span_fail(struct trace_span *span);

// The span, as whoever it calls is told.
const struct trace_parent *trace_span_own(const struct trace_span *span);

#endif
