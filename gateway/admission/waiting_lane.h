#ifndef RUNSD_GATEWAY_ADMISSION_WAITING_LANE_H
#define RUNSD_GATEWAY_ADMISSION_WAITING_LANE_H

#include <stdint.h>

// Those that wait, first come first served. Zero-initialize a lane.

struct waiting {
    struct waiting *next;
    int64_t due_us; // when it need not wait any more; of those in a lane never earlier
                    // than of those before
};

struct waiting_lane {
    struct waiting *first;
    struct waiting *last;
};

void waiting_lane_append(struct waiting_lane *lane, struct waiting *waiting);

// The lane must not be empty.
struct waiting *waiting_lane_take(struct waiting_lane *lane);

// When the first is due; INT64_MAX if none waits.
int64_t waiting_lane_due_us(const struct waiting_lane *lane);

// How long it is from now_us to due_us, in ms rounded up; -1 for INT64_MAX.
int waiting_ms(int64_t due_us, int64_t now_us);

#endif
