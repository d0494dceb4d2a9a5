#ifndef RUNSD_BASE_TRACE_TRACER_H
#define RUNSD_BASE_TRACE_TRACER_H

#include "base/core/error.h"
#include "base/log/log.h"
#include "base/trace/trace_settings.h"
#include "base/trace/trace_span.h"

// Traces: which calls are sampled, their spans, and where these go (docs/TRACES.md). One for a
// process. NULL is one that samples nothing, wherever a tracer is taken. Thread safe.

struct tracer;

// Starts to export as settings say, which are borrowed with log and program until the stop; program
// is service.name. *ret is NULL if settings have no endpoint. Errors, in a: UNAVAILABLE
// (trace_export_start).
const struct error *tracer_start(struct arena *a, const struct logger *log, const char *program,
                                 const struct trace_settings *settings, struct tracer **ret);

// What becomes of a call: it is part of a trace that a caller began, or begins one.
struct trace_call {
    const struct trace_parent *parent; // whose it is; NULL: it begins a trace
    bool is_remote;                    // parent is of another process
    struct slice state;                // its tracestate; empty: none
    int64_t begin_us;                  // clock_monotonic_us
};

// Begins a span, if the call is sampled: as its parent says; a trace that begins here, by the
// ratio. Returns NULL if it is not. *ret_own, unless ret_own is NULL, is what whoever the call
// calls is to be told as its parent: the span; of a call that is not sampled its parent, or a trace
// that nobody samples. The span must be ended, once. tracer must not be NULL.
struct trace_span *tracer_begin(struct tracer *tracer, enum trace_scope scope,
                                const struct trace_call *call, struct trace_parent *ret_own);

// Begins a span as the child of another one of this process, which is sampled too. Returns NULL for
// NULL.
struct trace_span *tracer_begin_child(const struct trace_span *parent, enum trace_scope scope,
                                      int64_t begin_us);

// Ends the span at an instant (clock_monotonic_us): it is exported, and must not be used any more.
// Never waits. NULL is ignored.
void trace_span_end(struct trace_span *span, int64_t end_us);

// Exports what has ended, as far as a collector that works takes it within half a second, and ends.
// A collector that does not work is not waited for. No span is begun or ended any more. NULL is
// ignored.
void tracer_stop(struct tracer *tracer);

#endif
