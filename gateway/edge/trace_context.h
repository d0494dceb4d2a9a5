#ifndef RUNSD_GATEWAY_EDGE_TRACE_CONTEXT_H
#define RUNSD_GATEWAY_EDGE_TRACE_CONTEXT_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "base/trace/trace_parent.h"
#include "gateway/edge/header.h"

// W3C Trace Context, https://www.w3.org/TR/trace-context/. Pure.

struct trace_context {
    struct slice parent; // traceparent; empty: there is none that is valid
    struct slice state;  // tracestate; empty: none, or without a parent
};

// Reads traceparent and tracestate. What is invalid is dropped: a traceparent (also one
// that is there twice) with its tracestate, a tracestate alone. Several tracestate
// headers become one, in a; else the result borrows from headers.
struct trace_context trace_context_read(struct arena *a, struct http_headers headers);

// Reads traceparent alone: *ret is what it says, *ret_text the header's value. Returns false if
// there is none that is valid, or more than one.
bool trace_context_parent(struct http_headers headers, struct slice *ret_text,
                          struct trace_parent *ret);

// Section 3.2, as base/trace/trace_parent.h reads it. Of versions above 00 only what they share
// with it is looked at.
bool trace_context_parent_is_valid(struct slice value);

// Section 3.3: at most 32 members key=value, no key twice.
bool trace_context_state_is_valid(struct slice value);

#endif
