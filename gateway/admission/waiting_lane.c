#include "gateway/admission/waiting_lane.h"

#include <stddef.h>

#include "base/core/check.h"

void waiting_lane_append(struct waiting_lane *lane, struct waiting *waiting) {
    waiting->next = NULL;
    if (lane->last != NULL) {
        lane->last->next = waiting;
    } else {
        lane->first = waiting;
    }
    lane->last = waiting;
}

struct waiting *waiting_lane_take(struct waiting_lane *lane) {
    CHECK(lane->first != NULL);
    struct waiting *waiting = lane->first;
    lane->first = waiting->next;
    if (lane->first == NULL) {
        lane->last = NULL;
    }
    return waiting;
}

int64_t waiting_lane_due_us(const struct waiting_lane *lane) {
    return lane->first != NULL ? lane->first->due_us : INT64_MAX;
}

int waiting_ms(int64_t due_us, int64_t now_us) {
    if (due_us == INT64_MAX) {
        return -1;
    }
    return due_us <= now_us ? 0 : (int)((due_us - now_us + 999) / 1000);
}
