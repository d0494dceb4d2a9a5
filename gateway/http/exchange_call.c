#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "gateway/envelope.h"
#include "gateway/http/exchange_internal.h"

// A unary call behind a request.

// The upstream's HttpBody as it is.
static const struct error *take_http_body(struct exchange *x, struct slice message) {
    struct reply_content content = {.is_http_body = true};
    struct slice data;
    const struct error *error =
        transcoder_read_http_body(x->api->transcoder, &x->arena, x->routing.match.route, message,
                                  &content.content_type, &data);
    if (error == NULL) {
        struct reply_request request = exchange_reply_request(x);
        struct strbuf body = STRBUF_INIT;
        strbuf_append_slice(&body, data);
        content.data_end = body.len;
        x->reply = reply_success(&request, &body, &content);
        strbuf_release(&body);
    }
    return error;
}

static const struct error *take_json(struct exchange *x, struct slice message) {
    enum envelope_kind kind = x->context->edge.options.envelope;
    struct reply_content content = {0};
    struct strbuf json = STRBUF_INIT;
    strbuf_grow(&json, message.len * 2 + 256);
    envelope_begin(kind, &json);
    content.data_begin = json.len;
    const struct error *error = transcoder_decode_response(x->api->transcoder, &x->arena,
                                                           x->routing.match.route, message, &json);
    if (error == NULL) {
        struct reply_request request = exchange_reply_request(x);
        content.data_end = json.len;
        envelope_end(kind, &json, x->request_id);
        x->reply = reply_success(&request, &json, &content);
    }
    strbuf_release(&json);
    return error;
}

static void add_limits(const struct reply_request *request, struct MHD_Response *response,
                       const struct rpc_client_call *call) {
    struct slice policy;
    struct slice state = SLICE_EMPTY;
    if (rpc_client_call_metadata(call, REPLY_LIMIT_POLICY, &policy)) {
        rpc_client_call_metadata(call, REPLY_LIMIT_STATE, &state);
        reply_add_limits(request, response, policy, state);
    }
}

// On the rpc loop's thread.
static void call_done(struct rpc_client_call *call) {
    struct exchange *x = CONTAINER_OF(call, struct exchange, call);
    const struct error *error = call->error;
    struct slice details = call->status_details;
    if (error == NULL) {
        error = transcoder_route_returns_http_body(x->routing.match.route)
                    ? take_http_body(x, call->response)
                    : take_json(x, call->response);
        details = SLICE_EMPTY;
    } else if (error->reason_id == REASON_REQUEST_CANCELLED && exchange_is_stopping(x)) {
        error = exchange_stopping_error(x, call->is_read || rpc_client_call_is_unsent(call));
        details = SLICE_EMPTY;
    }
    if (error != NULL) {
        x->reply = exchange_error_reply(x, error, details);
    }
    struct reply_request request = exchange_reply_request(x);
    reply_add_metadata(&request, &x->reply, call);
    add_limits(&request, x->reply.response, call);
    if (transcoder_route_takes_key(x->routing.match.route)) {
        reply_add_replayed(&request, &x->reply, call);
    }
    // From here on the HTTP thread may end the exchange.
    exchange_resume(x);
}

static void cancel_call(void *call) {
    rpc_client_call_cancel(call);
}

void exchange_call_go(struct exchange *x) {
    rpc_client_call_start(&x->call);
    static const struct reaper_call functions = {.cancel = cancel_call};
    reaper_call_started(x->context->reaper, x->entry, &functions, &x->call);
}

enum MHD_Result exchange_call_start(struct exchange *x, struct MHD_Connection *connection,
                                    struct slice message) {
    const struct rpc_metadata *metadata;
    int count;
    enum MHD_Result result;
    if (!exchange_upstream_begin_call(x, connection, &metadata, &count, &result)) {
        return result;
    }
    int64_t now_us = clock_monotonic_us();
    bool is_read = admission_is_safe(x->method);
    x->call = (struct rpc_client_call){
        .method = exchange_upstream_method(x),
        .request = message,
        .metadata = metadata,
        .metadata_count = count,
        .deadline_us = exchange_upstream_deadline_us(x, now_us),
        .is_read = is_read,
        .arena = &x->arena,
        .done = call_done,
    };
    // In this order: the call may be done before its start returns.
    exchange_suspend_soon(x, connection, EXCHANGE_CALLING);
    if (x->wait_ms > 0 || call_window_enter(&x->context->window, &x->waiting, !is_read, now_us)) {
        exchange_call_go(x);
    }
    return MHD_YES;
}

void exchange_call_release(struct exchange *x) {
    reaper_end_call(x->context->reaper, x->entry);
    rpc_client_call_release(&x->call);
    exchange_upstream_leave_room(x);
    if (x->wait_ms > 0) {
        return;
    }
    struct waiting *next = call_window_leave(&x->context->window);
    if (next != NULL) {
        exchange_call_go(CONTAINER_OF(next, struct exchange, waiting));
    }
}

enum MHD_Result exchange_call_finish(struct exchange *x, struct MHD_Connection *connection) {
    exchange_memory_hold_reply(x);
    exchange_call_release(x);
    return exchange_send_reply(x, connection, EXCHANGE_ANSWERED, false);
}
