#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "gateway/http/exchange_internal.h"

// Which caller sends the request, where only the upstream knows: it is asked before more than
// EXCHANGE_STRANGERS_BYTES of a body are kept, by the method that its descriptors say is there
// for that. The answer is for one request; nothing is remembered.

bool exchange_caller_must_ask(const struct exchange *x) {
    return x->caller == CALLER_UNASKED && x->context->authorizer.check == NULL &&
           x->api->caller_method != NULL;
}

bool exchange_caller_must_ask_at_head(const struct exchange *x, struct MHD_Connection *connection) {
    bool has_body = x->facts.content_length > 0 || x->facts.is_chunked;
    // What a compressed body becomes is not known before.
    bool is_long =
        x->facts.content_length > EXCHANGE_STRANGERS_BYTES || (has_body && x->facts.is_gzip);
    bool is_waiting =
        x->facts.is_chunked &&
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT) != NULL;
    bool is_asked_for =
        x->routing.kind == ROUTING_LOCAL ? x->routing.local->needs_token : is_long || is_waiting;
    return is_asked_for && x->routing.kind != ROUTING_OPTIONS && exchange_caller_must_ask(x);
}

// On the rpc loop's thread.
static void call_done(struct rpc_client_call *call) {
    exchange_resume(CONTAINER_OF(call, struct exchange, call));
}

static void cancel_call(void *call) {
    rpc_client_call_cancel(call);
}

// Answers the error at the head, or once the body was dropped.
static enum MHD_Result fail(struct exchange *x, struct MHD_Connection *connection,
                            const struct error *error) {
    if (x->state == EXCHANGE_BODY) {
        strbuf_release(&x->body);
        x->error = error;
        return MHD_YES;
    }
    return exchange_answer_error(x, connection, error, true);
}

enum MHD_Result exchange_caller_ask(struct exchange *x, struct MHD_Connection *connection) {
    const struct rpc_metadata *metadata;
    int count;
    // Counts as a call, so that no more are under way than may be.
    const struct error *error = exchange_upstream_check_room(x);
    if (error == NULL) {
        error = exchange_upstream_metadata(x, &metadata, &count);
    }
    if (error == NULL && !reaper_begin_call(x->context->reaper, x->entry)) {
        error = exchange_stopping_error(x, true);
    }
    if (error != NULL) {
        return fail(x, connection, error);
    }
    exchange_upstream_enter_room(x);
    x->caller = CALLER_ASKED;
    x->call = (struct rpc_client_call){
        .method = x->api->caller_method,
        .metadata = metadata,
        .metadata_count = count,
        .deadline_us = exchange_upstream_deadline_us(x, clock_monotonic_us()),
        .is_read = true,
        .arena = &x->arena,
        .done = call_done,
    };
    // In this order: the call may be done before its start returns.
    exchange_suspend(x, connection, EXCHANGE_ASKING);
    rpc_client_call_start(&x->call);
    static const struct reaper_call of_whole = {.cancel = cancel_call};
    static const struct reaper_call amid = {.cancel = cancel_call, .is_amid_request = true};
    bool has_body = x->facts.content_length > 0 || x->facts.is_chunked;
    reaper_call_started(x->context->reaper, x->entry, has_body ? &amid : &of_whole, &x->call);
    return MHD_YES;
}

bool exchange_caller_is_known(struct exchange *x) {
    reaper_set_state(x->context->reaper, x->entry, REAPER_RECEIVING);
    exchange_upstream_leave_room(x);
    const struct error *error = x->call.error;
    // An upstream older than its descriptors cannot tell: then its methods do, later.
    bool is_checked_later = x->routing.kind == ROUTING_CALL;
    if (error == NULL || (error->code == STATUS_UNIMPLEMENTED && is_checked_later)) {
        exchange_caller_release(x);
        x->caller = CALLER_KNOWN;
        return true;
    }
    x->error = error;
    return false;
}

enum MHD_Result exchange_caller_refuse(struct exchange *x, struct MHD_Connection *connection) {
    struct rpc_client_call *call = &x->call;
    bool is_stop = call->error->reason_id == REASON_REQUEST_CANCELLED && exchange_is_stopping(x);
    x->reply = exchange_error_reply(x, is_stop ? exchange_stopping_error(x, true) : call->error,
                                    is_stop ? SLICE_EMPTY : call->status_details);
    struct reply_request request = exchange_reply_request(x);
    reply_add_metadata(&request, &x->reply, call);
    exchange_caller_release(x);
    return exchange_answer(x, connection, true);
}

void exchange_caller_release(struct exchange *x) {
    if (x->caller == CALLER_ASKED) {
        exchange_upstream_leave_room(x);
        rpc_client_call_release(&x->call);
        x->caller = CALLER_UNASKED;
    }
}
