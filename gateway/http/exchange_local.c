#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "gateway/http/exchange_internal.h"

// A page of the gateway's own behind a request.

static enum MHD_Result answer(struct exchange *x, struct MHD_Connection *connection,
                              bool is_ready) {
    const struct local_request view = {
        .method = x->method,
        .query = x->facts.query,
        .headers = x->headers,
        .is_ready = is_ready && !exchange_is_stopping(x),
        .data = x->routing.local->data,
        .openapi = {strbuf_slice(&x->api->openapi.body), strbuf_slice(&x->api->openapi.gzip),
                    x->api->openapi.etag},
    };
    struct local_reply page = {0};
    x->routing.local->answer(&view, &x->arena, &page);
    struct reply_request request = exchange_reply_request(x);
    x->reply = reply_local(&request, &page);
    return exchange_answer(x, connection, false);
}

static void known(struct readiness_waiter *waiter, bool is_ready) {
    struct exchange *x = CONTAINER_OF(waiter, struct exchange, readiness);
    x->is_ready = is_ready;
    exchange_resume(x);
}

enum MHD_Result exchange_local_start(struct exchange *x, struct MHD_Connection *connection) {
    struct exchange_context *context = x->context;
    if (!x->routing.local->needs_readiness) {
        return answer(x, connection, false);
    }
    int64_t now_us = clock_monotonic_us();
    enum readiness_answer ready = readiness_look(context->readiness, now_us);
    // Counts as a call of the connection, so that a stop waits for it.
    if (ready != READINESS_UNKNOWN || !reaper_begin_call(context->reaper, x->entry)) {
        return answer(x, connection, ready == READINESS_YES);
    }
    exchange_suspend_soon(x, connection, EXCHANGE_LOOKING);
    x->readiness.known = known;
    readiness_ask(context->readiness, &x->readiness, now_us);
    return MHD_YES;
}

enum MHD_Result exchange_local_finish(struct exchange *x, struct MHD_Connection *connection) {
    return answer(x, connection, x->is_ready);
}
