#include "gateway/http/exchange_internal.h"
#include "gateway/http/http_metrics.h"

// What is counted of exchanges.

_Static_assert((int)EXCHANGE_ANSWERED + 1 == (int)HTTP_STATES, "each state has its level");

void exchange_metrics_count(const struct exchange *x, int64_t duration_us) {
    const struct http_outcome outcome = {
        .route = exchange_route(x),
        .method = x->method,
        .http_status = exchange_status(x),
        .reason = x->reply.reason,
        .has_other_reason = x->reply.has_other_reason,
        .is_stream = x->stream != NULL,
        .refusal = x->refusal,
        .duration_us = duration_us,
        .request_bytes = x->body_bytes,
        .response_bytes = x->reply.body_bytes,
    };
    http_metrics_count(x->context->metrics, &outcome);
}

void exchange_metrics_put_levels(const struct exchange_context *context) {
    struct http_levels *levels = http_metrics_levels(context->metrics);
    if (levels == NULL) {
        return;
    }
    const struct call_window *window = &context->window;
    int calls = context->calls.count;
    http_levels_set(levels, HTTP_LEVEL_CALLS, calls);
    http_levels_set(levels, HTTP_LEVEL_CALLS_WAITING,
                    window->limit > 0 ? calls - window->count : 0);
    http_levels_set(levels, HTTP_LEVEL_STREAMS, context->streams_open.count);
    http_levels_set(levels, HTTP_LEVEL_ANONYMOUS_STREAMS, context->anonymous_streams.count);
    http_levels_set(levels, HTTP_LEVEL_BUFFERED_BYTES, (int64_t)context->budget.used);
    for (int i = 0; i < HTTP_STATES; i++) {
        http_levels_set(levels, (enum http_level)(HTTP_LEVEL_STATES + i), context->in_state[i]);
    }
}
