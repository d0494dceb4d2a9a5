#include <limits.h>
#include <stddef.h>

#include "base/core/clock.h"
#include "rpc/timeouts_internal.h"

// A list in no order: it is as long as calls are under way, and walked only when one of
// them may be due, or is cancelled.

static void unlink_timeout(struct rpc_timeout *t) {
    *t->link = t->next;
    if (t->next != NULL) {
        t->next->link = t->link;
    }
    t->link = NULL;
}

static void push(struct rpc_timeout **first, struct rpc_timeout *t) {
    t->next = *first;
    t->link = first;
    if (t->next != NULL) {
        t->next->link = &t->next;
    }
    *first = t;
}

static int64_t earlier_us(int64_t a, int64_t b) {
    return a == 0 || (b != 0 && b < a) ? b : a;
}

// Expires those that are cancelled or due at now_us.
static void sweep(struct rpc_timeouts *timeouts, int64_t now_us) {
    struct rpc_timeout *expired = NULL;
    struct rpc_timeout *next;
    timeouts->earliest_us = 0;
    for (struct rpc_timeout *t = timeouts->first; t != NULL; t = next) {
        next = t->next;
        if (atomic_load(&t->is_cancelled) || (t->due_us != 0 && t->due_us <= now_us)) {
            unlink_timeout(t);
            push(&expired, t);
        } else {
            timeouts->earliest_us = earlier_us(timeouts->earliest_us, t->due_us);
        }
    }
    while (expired != NULL) {
        struct rpc_timeout *t = expired;
        unlink_timeout(t);
        t->expire(t);
    }
}

void rpc_timeouts_init(struct rpc_timeouts *timeouts) {
    timeouts->first = NULL;
    timeouts->earliest_us = 0;
    atomic_init(&timeouts->is_sweep_due, false);
}

void rpc_timeouts_add(struct rpc_timeouts *timeouts, struct rpc_timeout *timeout) {
    push(&timeouts->first, timeout);
    timeouts->earliest_us = earlier_us(timeouts->earliest_us, timeout->due_us);
}

void rpc_timeouts_remove(struct rpc_timeout *timeout) {
    if (timeout->link != NULL) {
        unlink_timeout(timeout);
    }
}

bool rpc_timeouts_cancel(struct rpc_timeouts *timeouts, struct rpc_timeout *timeout) {
    atomic_store(&timeout->is_cancelled, true);
    return !atomic_exchange(&timeouts->is_sweep_due, true);
}

void rpc_timeouts_sweep(struct rpc_timeouts *timeouts) {
    // Before the list is looked at: what is cancelled from now on asks for another one.
    atomic_store(&timeouts->is_sweep_due, false);
    sweep(timeouts, clock_monotonic_us());
}

int rpc_timeouts_run(struct rpc_timeouts *timeouts) {
    if (timeouts->earliest_us == 0) {
        return -1;
    }
    int64_t now_us = clock_monotonic_us();
    if (timeouts->earliest_us <= now_us) {
        sweep(timeouts, now_us);
        if (timeouts->earliest_us == 0) {
            return -1;
        }
    }
    // Rounded up, so that it is due by then.
    int64_t ms = (timeouts->earliest_us - now_us + 999) / 1000;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}
