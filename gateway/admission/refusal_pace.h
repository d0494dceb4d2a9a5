#ifndef RUNSD_GATEWAY_ADMISSION_REFUSAL_PACE_H
#define RUNSD_GATEWAY_ADMISSION_REFUSAL_PACE_H

#include <stdbool.h>

#include "gateway/admission/waiting_lane.h"

// When requests are refused for want of room. To refuse costs half of what it costs to
// serve, and a refused client asks again at once if it ignores Retry-After: twice as many
// requests as can be served would leave no time to serve. So a few are refused at once
// and the others at REFUSAL_PACE_PER_S, each after REFUSAL_PACE_LONGEST_US at most: their
// connections wait meanwhile, which costs nothing. Zero-initialize it.
//
// Used on the HTTP thread only. Times are those of clock_monotonic_us.

enum {
    REFUSAL_PACE_AT_ONCE = 256,
    REFUSAL_PACE_PER_S = 2000,
    REFUSAL_PACE_LONGEST_US = 1000 * 1000, // as long as Retry-After asks to wait
};

struct refusal_pace {
    int64_t next_us; // when the next is due if the pace is kept
    struct waiting_lane waiting;
};

// Whether a request may be refused now. If not, it is kept until refusal_pace_due
// returns it.
bool refusal_pace_enter(struct refusal_pace *pace, struct waiting *request, int64_t now_us);

// Returns a request that is to be refused by now, NULL if there is none.
struct waiting *refusal_pace_due(struct refusal_pace *pace, int64_t now_us);

#endif
