#include "gateway/http/exchange_wait.h"

#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "gateway/http/exchange_internal.h"

// Exchanges that wait while their connection is suspended: for room in the window or for
// their bytes, or to be refused.

enum MHD_Result exchange_wait_refuse(struct exchange *x, struct MHD_Connection *connection,
                                     const struct error *error) {
    struct exchange_context *context = x->context;
    // Counts as a call, so that a stop waits for it.
    if (exchange_is_stopping(x) || !reaper_begin_call(context->reaper, x->entry)) {
        return exchange_answer_error(x, connection, error, true);
    }
    if (refusal_pace_enter(&context->refusals, &x->waiting, clock_monotonic_us())) {
        return exchange_answer_error(x, connection, error, false);
    }
    x->error = error;
    exchange_suspend_soon(x, connection, EXCHANGE_REFUSED);
    return MHD_YES;
}

static int64_t next_due_us(const struct exchange_context *context) {
    int64_t window_us = call_window_due_us(&context->window);
    int64_t refusal_us = waiting_lane_due_us(&context->refusals.waiting);
    int64_t bytes_us = byte_budget_due_us(&context->budget);
    int64_t calls_us = window_us < refusal_us ? window_us : refusal_us;
    return bytes_us < calls_us ? bytes_us : calls_us;
}

int exchange_wait_due_ms(const struct exchange_context *context) {
    int64_t due_us = next_due_us(context);
    return due_us == INT64_MAX ? -1 : waiting_ms(due_us, clock_monotonic_us());
}

void exchange_wait_run_due(struct exchange_context *context) {
    if (next_due_us(context) == INT64_MAX) {
        return;
    }
    bool is_stopping = atomic_load_explicit(&context->is_stopping, memory_order_relaxed);
    int64_t now_us = clock_monotonic_us();
    struct waiting *next;
    while ((next = call_window_overdue(&context->window, now_us)) != NULL) {
        exchange_call_go(CONTAINER_OF(next, struct exchange, waiting));
    }
    exchange_memory_give_room(context, now_us, is_stopping);
    int64_t refused_until_us = is_stopping ? INT64_MAX - 1 : now_us;
    while ((next = refusal_pace_due(&context->refusals, refused_until_us)) != NULL) {
        MHD_resume_connection(CONTAINER_OF(next, struct exchange, waiting)->connection);
    }
}
