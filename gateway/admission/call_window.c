#include "gateway/admission/call_window.h"

#include <stddef.h>

#include "base/core/check.h"

// Of the calls let go, so that reads come to their end under any number of changes.
enum { CHANGES_BEFORE_A_READ = 4 };

bool call_window_enter(struct call_window *window, struct waiting *call, bool is_change,
                       int64_t now_us) {
    if (window->limit == 0 || window->count < window->limit) {
        window->count++;
        return true;
    }
    call->due_us = now_us + CALL_WINDOW_PATIENCE_US;
    waiting_lane_append(is_change ? &window->changes : &window->reads, call);
    return false;
}

struct waiting *call_window_leave(struct call_window *window) {
    CHECK(window->count > 0);
    bool has_read = window->reads.first != NULL;
    bool has_change = window->changes.first != NULL;
    if (window->count > window->limit || (!has_read && !has_change)) {
        window->count--;
        return NULL;
    }
    bool is_reads_turn = has_read && window->changes_in_a_row >= CHANGES_BEFORE_A_READ;
    if (has_change && !is_reads_turn) {
        window->changes_in_a_row = has_read ? window->changes_in_a_row + 1 : 0;
        return waiting_lane_take(&window->changes);
    }
    window->changes_in_a_row = 0;
    return waiting_lane_take(&window->reads);
}

struct waiting *call_window_overdue(struct call_window *window, int64_t now_us) {
    struct waiting_lane *lane = waiting_lane_due_us(&window->changes) <= now_us ? &window->changes
                                : waiting_lane_due_us(&window->reads) <= now_us ? &window->reads
                                                                                : NULL;
    if (lane == NULL) {
        return NULL;
    }
    window->count++;
    return waiting_lane_take(lane);
}

int64_t call_window_due_us(const struct call_window *window) {
    int64_t changes_us = waiting_lane_due_us(&window->changes);
    int64_t reads_us = waiting_lane_due_us(&window->reads);
    return changes_us < reads_us ? changes_us : reads_us;
}
