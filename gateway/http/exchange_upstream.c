#include "gateway/edge/request_metadata.h"
#include "gateway/http/exchange_internal.h"

// What a request that calls upstream needs, whatever the call is.

// --- room ---

static struct admission *admission_of(const struct exchange *x) {
    bool is_stream = x->routing.kind == ROUTING_CALL &&
                     transcoder_route_server_streaming(x->routing.match.route);
    // A call that waits is as idle as a stream.
    if (!is_stream && x->wait_ms == 0) {
        return &x->context->calls;
    }
    // So that strangers' streams, of methods that are open to all, take no room from others.
    return x->facts.has_authorization ? &x->context->streams_open : &x->context->anonymous_streams;
}

static enum http_refusal refusal_of(const struct exchange_context *context,
                                    const struct admission *admission) {
    return admission == &context->calls          ? HTTP_REFUSAL_CALLS
           : admission == &context->streams_open ? HTTP_REFUSAL_STREAMS
                                                 : HTTP_REFUSAL_ANONYMOUS_STREAMS;
}

const struct error *exchange_upstream_check_room(struct exchange *x) {
    const struct admission *admission = admission_of(x);
    struct error *error = admission_check(admission, &x->arena, x->method);
    if (error != NULL) {
        error->domain = exchange_error_domain;
        x->refusal = refusal_of(x->context, admission);
    }
    x->is_overload = error != NULL;
    return error;
}

void exchange_upstream_enter_room(struct exchange *x) {
    x->admission = admission_of(x);
    admission_enter(x->admission);
}

void exchange_upstream_leave_room(struct exchange *x) {
    if (x->admission != NULL) {
        admission_leave(x->admission);
        x->admission = NULL;
    }
}

// --- the call ---

int64_t exchange_upstream_deadline_us(const struct exchange *x, int64_t now_us) {
    int64_t ms = x->context->limits.upstream_timeout_ms + x->wait_ms;
    if (x->facts.timeout_ms > 0 && x->facts.timeout_ms < ms) {
        ms = x->facts.timeout_ms;
    }
    return now_us + ms * 1000;
}

const struct error *exchange_upstream_metadata(struct exchange *x,
                                               const struct rpc_metadata **ret_metadata,
                                               int *ret_count) {
    const struct request_origin origin = {
        .request_id = x->request_id,
        .client_address = x->client_address,
        .is_of_trusted = x->is_of_trusted,
        .trace_parent = x->trace_parent,
        .client_names = x->client_names,
        .client_name_count = x->client_name_count,
    };
    return request_metadata_make(&x->arena, &x->context->edge, x->headers, &x->facts, &origin,
                                 ret_metadata, ret_count);
}

bool exchange_upstream_begin_call(struct exchange *x, struct MHD_Connection *connection,
                                  const struct rpc_metadata **ret_metadata, int *ret_count,
                                  enum MHD_Result *ret_result) {
    const struct error *error = exchange_upstream_metadata(x, ret_metadata, ret_count);
    if (error != NULL) {
        *ret_result = exchange_answer_error(x, connection, error, false);
        return false;
    }
    if (!reaper_begin_call(x->context->reaper, x->entry)) {
        *ret_result = exchange_answer_error(x, connection, exchange_stopping_error(x, true), true);
        return false;
    }
    exchange_upstream_enter_room(x);
    return true;
}

struct rpc_client_method *exchange_upstream_method(const struct exchange *x) {
    return x->api->methods[transcoder_route_method_index(x->routing.match.route)];
}
