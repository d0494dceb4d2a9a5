#include <stdio.h>

#include "base/core/clock.h"
#include "gateway/edge/trace_context.h"
#include "gateway/http/exchange_internal.h"

void exchange_trace_begin(struct exchange *x) {
    const struct exchange_context *context = x->context;
    const struct trace_context received = trace_context_read(&x->arena, x->headers);
    struct trace_parent parent;
    bool has_parent = received.parent.len > 0 && trace_parent_read(received.parent, &parent);
    const struct trace_call traced = {
        .parent = has_parent ? &parent : NULL,
        .is_remote = true,
        .state = received.state,
        .begin_us = x->begin_us,
    };
    // The upstream is told of a call that is not sampled, so that it does not decide again.
    bool is_told = !has_parent && !context->upstream_has_tracer;
    struct trace_parent own;
    x->span = tracer_begin(context->tracer, TRACE_GATEWAY, &traced, is_told ? &own : NULL);
    if (x->span != NULL || is_told) {
        char *text = arena_alloc(&x->arena, TRACE_PARENT_TEXT_SIZE);
        trace_parent_write(x->span != NULL ? trace_span_own(x->span) : &own, text);
        x->trace_parent = slice_of_cstr(text);
    }
}

// The method as the conventions have it: others could have as many values as there are clients.
static struct slice known_method(struct slice method) {
    static const char *const known[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                        "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal(method, slice_of_cstr(known[i]))) {
            return method;
        }
    }
    return slice_of_cstr("_OTHER");
}

void exchange_trace_end(struct exchange *x) {
    enum { LEAST_FAILURE = 500 };
    struct trace_span *span = x->span;
    struct slice method = known_method(x->method);
    const char *route = exchange_route(x);
    trace_span_name(span, method,
                    route != NULL ? slice_of_cstr(arena_printf(&x->arena, " %s", route))
                                  : SLICE_EMPTY);
    trace_span_own_text(span, "http.request.method", method);
    if (route != NULL) {
        trace_span_own_text(span, "http.route", slice_of_cstr(route));
    }
    int status = exchange_status(x);
    trace_span_int(span, "http.response.status_code", status);
    trace_span_text(span, "runsd.request.id", x->request_id);
    if (status >= LEAST_FAILURE) {
        char type[4];
        snprintf(type, sizeof(type), "%03d", status % 1000);
        trace_span_own_text(span, "error.type", slice_of_cstr(type));
        trace_span_fail(span);
    }
    trace_span_end(span, clock_monotonic_us());
    x->span = NULL;
}

bool exchange_trace_id(struct exchange *x, char ret_text[TRACE_ID_TEXT_SIZE]) {
    if (x->span != NULL) {
        trace_id_write(trace_span_own(x->span)->trace_id, ret_text);
        return true;
    }
    struct slice text;
    struct trace_parent parent;
    if (!trace_context_parent(x->headers, &text, &parent)) {
        return false;
    }
    trace_id_write(parent.trace_id, ret_text);
    return true;
}
