#ifndef RUNSD_SERVER_SERVICE_CALL_TRACE_H
#define RUNSD_SERVER_SERVICE_CALL_TRACE_H

#include "server/service/service_call.h"

// The spans of a call (docs/TRACES.md).

// Begins the call's span, if it is sampled: as the caller's traceparent says; without one, by
// chance, but not if the caller is of this process, which has decided before. service->tracer is
// not NULL.
void call_trace_begin(struct service_call *call);

// Ends it. It is not NULL.
void call_trace_end(const struct service_call *call, const struct error *error);

// Makes the span of a change of the store that has ended, whose timing is set.
void call_trace_store(const struct service_call *call, const struct store_op *op);

// Writes the id of the trace that the call is part of: its span's, else the caller's. Returns false
// if there is none.
bool call_trace_id(const struct service_call *call, char ret_text[TRACE_ID_TEXT_SIZE]);

#endif
