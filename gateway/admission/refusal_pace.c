#include "gateway/admission/refusal_pace.h"

#include <stddef.h>

enum { INTERVAL_US = 1000 * 1000 / REFUSAL_PACE_PER_S };

bool refusal_pace_enter(struct refusal_pace *pace, struct waiting *request, int64_t now_us) {
    // The generic cell rate algorithm (ITU-T I.371): what was not used before is kept
    // for REFUSAL_PACE_AT_ONCE.
    int64_t earliest_us = now_us - (int64_t)REFUSAL_PACE_AT_ONCE * INTERVAL_US;
    int64_t due_us = pace->next_us > earliest_us ? pace->next_us : earliest_us;
    if (due_us > now_us + REFUSAL_PACE_LONGEST_US) {
        due_us = now_us + REFUSAL_PACE_LONGEST_US;
    }
    pace->next_us = due_us + INTERVAL_US;
    if (due_us <= now_us) {
        return true;
    }
    request->due_us = due_us;
    waiting_lane_append(&pace->waiting, request);
    return false;
}

struct waiting *refusal_pace_due(struct refusal_pace *pace, int64_t now_us) {
    return waiting_lane_due_us(&pace->waiting) <= now_us ? waiting_lane_take(&pace->waiting) : NULL;
}
