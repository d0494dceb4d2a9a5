#ifndef RUNSD_GATEWAY_HTTP_CALL_WINDOW_H
#define RUNSD_GATEWAY_HTTP_CALL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

// How many of the admitted calls are with the upstream at once; the others wait here,
// which costs next to nothing, and changes are let go before reads. For an upstream
// within the process, where more calls at once are no faster, but more memory that the
// caches must hold. Zero-initialize it but for the limit.
//
// An upstream that stalls is no reason to wait: who has waited CALL_WINDOW_PATIENCE_US
// goes beyond the limit, so that deadlines, clients that are gone and stops are seen.
//
// Used on the HTTP thread only. Times are those of clock_monotonic_us.

enum { CALL_WINDOW_PATIENCE_US = 250 * 1000 };

// A call that waits.
struct call_waiting {
    struct call_waiting *next;
    int64_t since_us;
};

struct call_lane {
    struct call_waiting *first;
    struct call_waiting *last;
};

struct call_window {
    int limit; // 0: none
    int count; // with the upstream
    struct call_lane changes;
    struct call_lane reads;
    int changes_in_a_row; // let go while reads waited
};

// Whether a call may begin now. If not, it is kept until call_window_leave or
// call_window_overdue returns it.
bool call_window_enter(struct call_window *window, struct call_waiting *call, bool is_change,
                       int64_t now_us);

// A call is over. Returns the one that begins in its place; NULL if none does.
struct call_waiting *call_window_leave(struct call_window *window);

// Returns a call that has waited too long and begins now, NULL if there is none.
struct call_waiting *call_window_overdue(struct call_window *window, int64_t now_us);

// How long until the next call is overdue, in ms rounded up; -1 if none waits.
int call_window_wait_ms(const struct call_window *window, int64_t now_us);

#endif
