#ifndef RUNSD_BASE_CORE_CLOCK_H
#define RUNSD_BASE_CORE_CLOCK_H

#include <stdint.h>

// The source of the time of day; tests replace it.
struct clock {
    // Returns microseconds since 1970-01-01T00:00:00Z. Thread safe.
    int64_t (*now_us)(const struct clock *self);
};

// The system's clock.
extern const struct clock clock_system;

static inline int64_t clock_now_us(const struct clock *c) {
    return c->now_us(c);
}

// Returns microseconds of the monotonic clock, for deadlines and durations.
int64_t clock_monotonic_us(void);

#endif
