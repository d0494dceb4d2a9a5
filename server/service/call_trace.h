#ifndef RUNSD_SERVER_SERVICE_CALL_TRACE_H
#define RUNSD_SERVER_SERVICE_CALL_TRACE_H

#include "base/trace/tracer.h"
#include "rpc/server.h"
#include "storage/op/store_op.h"

// The spans of a call (docs/TRACES.md).

// Begins the call's span, if it is sampled: as the caller's traceparent says; without one, by
// chance, but not if the caller is of this process, which has decided before. tracer is not NULL.
struct trace_span *call_trace_begin(struct tracer *tracer, struct rpc_server_call *rpc);

// What is known of a call that has ended. Borrowed.
struct call_trace_end {
    struct slice request_id;
    const char *run_id;        // NULL: none
    const struct error *error; // NULL: OK
};

// Ends the span, which is not NULL.
void call_trace_end(struct trace_span *span, struct rpc_server_call *rpc,
                    const struct call_trace_end *end);

// Makes the span of a change of the store that has ended, below the call's; op->timing is not NULL.
void call_trace_store(const struct trace_span *parent, const struct store_op *op);

// Writes the id of the trace that the call is part of: its span's, else the caller's. Returns false
// if there is none.
bool call_trace_id(const struct trace_span *span, struct rpc_server_call *rpc,
                   char ret_text[TRACE_ID_TEXT_SIZE]);

#endif
