#include "gateway/http/call_window.h"

#include <assert.h>
#include <stddef.h>

// Of the calls let go, so that reads come to their end under any number of changes.
enum { CHANGES_BEFORE_A_READ = 4 };

static void append(struct call_lane *lane, struct call_waiting *call) {
    call->next = NULL;
    if (lane->last != NULL) {
        lane->last->next = call;
    } else {
        lane->first = call;
    }
    lane->last = call;
}

static struct call_waiting *take(struct call_lane *lane) {
    struct call_waiting *call = lane->first;
    lane->first = call->next;
    if (lane->first == NULL) {
        lane->last = NULL;
    }
    return call;
}

bool call_window_enter(struct call_window *window, struct call_waiting *call, bool is_change,
                       int64_t now_us) {
    if (window->limit == 0 || window->count < window->limit) {
        window->count++;
        return true;
    }
    call->since_us = now_us;
    append(is_change ? &window->changes : &window->reads, call);
    return false;
}

struct call_waiting *call_window_leave(struct call_window *window) {
    assert(window->count > 0);
    bool has_read = window->reads.first != NULL;
    bool has_change = window->changes.first != NULL;
    if (window->count > window->limit || (!has_read && !has_change)) {
        window->count--;
        return NULL;
    }
    bool is_reads_turn = has_read && window->changes_in_a_row >= CHANGES_BEFORE_A_READ;
    if (has_change && !is_reads_turn) {
        window->changes_in_a_row = has_read ? window->changes_in_a_row + 1 : 0;
        return take(&window->changes);
    }
    window->changes_in_a_row = 0;
    return take(&window->reads);
}

// When the first of a lane is overdue; INT64_MAX if none waits.
static int64_t overdue_us(const struct call_lane *lane) {
    return lane->first != NULL ? lane->first->since_us + CALL_WINDOW_PATIENCE_US : INT64_MAX;
}

struct call_waiting *call_window_overdue(struct call_window *window, int64_t now_us) {
    struct call_lane *lane = overdue_us(&window->changes) <= now_us ? &window->changes
                             : overdue_us(&window->reads) <= now_us ? &window->reads
                                                                    : NULL;
    if (lane == NULL) {
        return NULL;
    }
    window->count++;
    return take(lane);
}

int call_window_wait_ms(const struct call_window *window, int64_t now_us) {
    int64_t changes_us = overdue_us(&window->changes);
    int64_t reads_us = overdue_us(&window->reads);
    int64_t next_us = changes_us < reads_us ? changes_us : reads_us;
    if (next_us == INT64_MAX) {
        return -1;
    }
    return next_us <= now_us ? 0 : (int)((next_us - now_us + 999) / 1000);
}
