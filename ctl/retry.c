#include "ctl/retry.h"

#include <stdlib.h>
#include <time.h>

#include "base/core/clock.h"

enum {
    LEAST_PAUSE_US = 250000,
    MOST_PAUSE_US = 8000000,
    MOST_DOUBLINGS = 5,
    MOST_TOLD_MS = 120000
};

bool retry_is_worth_it(const struct error *error) {
    if (error_reason_of(error) == REASON_QUOTA_EXCEEDED) {
        return false;
    }
    switch (error->code) {
    case STATUS_UNAVAILABLE:
    case STATUS_INTERNAL:
    case STATUS_UNKNOWN:
    case STATUS_RESOURCE_EXHAUSTED:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_CANCELLED:
    case STATUS_ABORTED:
        return true;
    default:
        return false;
    }
}

int64_t retry_pause_us(const struct error *error, int failures) {
    int doublings = failures < MOST_DOUBLINGS ? failures : MOST_DOUBLINGS;
    int64_t pause = (int64_t)LEAST_PAUSE_US << doublings;
    pause = pause < MOST_PAUSE_US ? pause : MOST_PAUSE_US;
    int64_t more_us = (int64_t)arc4random_uniform((uint32_t)pause / 2 + 1);
    int64_t told_ms = error->retry_after_ms;
    told_ms = told_ms < MOST_TOLD_MS ? told_ms : MOST_TOLD_MS;
    int64_t least_us = told_ms * 1000 > pause / 2 ? told_ms * 1000 : pause / 2;
    return least_us + more_us;
}

void retry_sleep_until(int64_t until_us) {
    for (int64_t now_us; (now_us = clock_monotonic_us()) < until_us;) {
        int64_t left_us = until_us - now_us;
        struct timespec left = {left_us / 1000000, left_us % 1000000 * 1000};
        nanosleep(&left, NULL);
    }
}
