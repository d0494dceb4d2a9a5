#include "base/core/clock.h"

#include <time.h>

static int64_t read_clock_us(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t system_now_us(const struct clock *self) {
    (void)self;
    return read_clock_us(CLOCK_REALTIME);
}

const struct clock clock_system = {.now_us = system_now_us};

int64_t clock_monotonic_us(void) {
    return read_clock_us(CLOCK_MONOTONIC);
}
