#include "server/service/call_trace.h"

#include <string.h>

#include "base/core/clock.h"

// Reads the caller's traceparent, unless there are several.
static bool read_parent(struct rpc_server_call *rpc, struct trace_parent *ret) {
    struct slice value;
    return rpc_server_call_metadata(rpc, "traceparent", &value) && trace_parent_read(value, ret) &&
           rpc_server_call_metadata_count(rpc, "traceparent") == 1;
}

struct trace_span *call_trace_begin(struct tracer *tracer, struct rpc_server_call *rpc) {
    struct trace_parent parent;
    bool is_direct = rpc_server_call_is_direct(rpc);
    struct trace_call traced = {
        .is_remote = !is_direct,
        .begin_us = rpc_server_call_started_us(rpc),
    };
    if (read_parent(rpc, &parent)) {
        traced.parent = &parent;
        rpc_server_call_metadata(rpc, "tracestate", &traced.state);
    } else if (is_direct) {
        return NULL;
    }
    return tracer_begin(tracer, TRACE_SERVER, &traced, NULL);
}

// Whether it is a fault of the server: the rule of OpenTelemetry's conventions for gRPC.
static bool is_failure(enum status_code code) {
    switch (code) {
    case STATUS_UNKNOWN:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_UNIMPLEMENTED:
    case STATUS_INTERNAL:
    case STATUS_UNAVAILABLE:
    case STATUS_DATA_LOSS:
        return true;
    default:
        return false;
    }
}

void call_trace_end(struct trace_span *span, struct rpc_server_call *rpc,
                    const struct call_trace_end *end) {
    const struct error *error = end->error;
    // "/runs.v1.RunsService/CancelRun"
    const char *service = rpc_server_call_method(rpc)->path + 1;
    const char *slash = strchr(service, '/');
    trace_span_name(span, SLICE_EMPTY, slice_of_cstr(service));
    trace_span_own_text(span, "rpc.system", slice_of_cstr("grpc"));
    if (slash != NULL) {
        trace_span_own_text(span, "rpc.service", slice_of(service, (size_t)(slash - service)));
        trace_span_own_text(span, "rpc.method", slice_of_cstr(slash + 1));
    }
    trace_span_int(span, "rpc.grpc.status_code", error != NULL ? (int)error->code : STATUS_OK);
    trace_span_text(span, "runsd.request.id", end->request_id);
    if (end->run_id != NULL) {
        trace_span_text(span, "runsd.run.id", slice_of_cstr(end->run_id));
    }
    if (error != NULL) {
        trace_span_own_text(span, "error.type",
                            slice_of_cstr(error->reason != NULL
                                              ? error->reason
                                              : status_code_name((int)error->code)));
        if (is_failure(error->code)) {
            trace_span_fail(span);
        }
    }
    trace_span_end(span, clock_monotonic_us());
}

void call_trace_store(const struct trace_span *parent, const struct store_op *op) {
    const struct store_timing *timing = op->timing;
    if (timing->end_us == 0) {
        return;
    }
    struct trace_span *span = tracer_begin_child(parent, TRACE_STORE, timing->begin_us);
    trace_span_name(span, SLICE_EMPTY, slice_of_cstr("commit"));
    trace_span_own_text(span, "runsd.store.operation", slice_of_cstr(op->kind->name));
    trace_span_int(span, "runsd.store.batch_size", timing->op_count);
    if (op->result == STORE_UNAVAILABLE || op->result == STORE_DISK_FULL ||
        op->result == STORE_LOCKED || op->result == STORE_FROZEN ||
        op->result == STORE_UNREACHABLE || op->result == STORE_STOPPED) {
        trace_span_fail(span);
    }
    trace_span_end(span, timing->end_us);
}

bool call_trace_id(const struct trace_span *span, struct rpc_server_call *rpc,
                   char ret_text[TRACE_ID_TEXT_SIZE]) {
    struct trace_parent parent;
    if (span != NULL) {
        trace_id_write(trace_span_own(span)->trace_id, ret_text);
        return true;
    }
    if (!read_parent(rpc, &parent)) {
        return false;
    }
    trace_id_write(parent.trace_id, ret_text);
    return true;
}
