#ifndef RUNSD_BASE_TRACE_TRACE_EXPORT_H
#define RUNSD_BASE_TRACE_TRACE_EXPORT_H

#include "base/core/error.h"
#include "base/log/log.h"
#include "base/trace/otlp.h"
#include "base/trace/trace_ring.h"
#include "base/trace/trace_settings.h"

// Sends spans to a collector, on a thread of its own: up to 512 in a request, one request at a
// time, after a second at the latest. What a collector does is felt by this thread alone: it may
// be down, slow, full of errors or silent.

enum { TRACE_EXPORT_BATCH = 512 };

struct trace_export;

// All but resource's texts is borrowed.
struct trace_export_options {
    const struct logger *log;
    const struct trace_settings *settings;
    struct otlp_resource resource;
    struct trace_ring *ring;
};

// Starts the thread "traces". Errors, in a: UNAVAILABLE (no libcurl, no thread).
const struct error *trace_export_start(struct arena *a, const struct trace_export_options *options,
                                       struct trace_export **ret);

// Stops the ring, sends what it holds if the collector has taken what it was sent last, for at most
// half a second, and frees. Returns false, and leaves memory and thread as they are, if the thread
// hangs in a call of the system: the process ends without it.
bool trace_export_stop(struct trace_export *export);

#endif
