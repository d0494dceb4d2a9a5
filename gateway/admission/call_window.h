#ifndef RUNSD_GATEWAY_ADMISSION_CALL_WINDOW_H
#define RUNSD_GATEWAY_ADMISSION_CALL_WINDOW_H

#include <stdbool.h>

#include "gateway/admission/waiting_lane.h"

// How many of the admitted calls are with the upstream at once; the others wait here,
// which costs next to nothing, and changes are let go before reads. For an upstream
// within the process, where more calls at once are no faster, but more memory that the
// caches must hold. Zero-initialize it but for the limit.
//
// An upstream that stalls is no reason to wait: a call that has waited CALL_WINDOW_PATIENCE_US
// goes beyond the limit, so that deadlines, clients that are gone and stops are seen.
//
// Used on the HTTP thread only. Times are those of clock_monotonic_us.

enum { CALL_WINDOW_PATIENCE_US = 250 * 1000 };

struct call_window {
    int limit; // 0: none
    int count; // with the upstream
    struct waiting_lane changes;
    struct waiting_lane reads;
    int changes_in_a_row; // let go while reads waited
};

// Whether a call may begin now. If not, it is kept until call_window_leave or
// call_window_overdue returns it.
bool call_window_enter(struct call_window *window, struct waiting *call, bool is_change,
                       int64_t now_us);

// A call is over. Returns the one that begins in its place; NULL if none does.
struct waiting *call_window_leave(struct call_window *window);

// Returns a call that has waited too long and begins now, NULL if there is none.
struct waiting *call_window_overdue(struct call_window *window, int64_t now_us);

// When the next call is overdue; INT64_MAX if none waits.
int64_t call_window_due_us(const struct call_window *window);

#endif
