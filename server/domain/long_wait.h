#ifndef RUNSD_SERVER_DOMAIN_LONG_WAIT_H
#define RUNSD_SERVER_DOMAIN_LONG_WAIT_H

#include <stdint.h>

// How long a call may wait by itself before it replies. Pure.

// What a reply may take on its way, so that it arrives before the caller's deadline.
#define LONG_WAIT_REPLY_US INT64_C(500000)

// Clients on gRPC core send the time that is left rounded up to two or three digits: 101 s as 102,
// 1234 s as 1240, at most a hundredth more than the caller has
// (findings/grpc-core-rounds-deadlines-up.sh).
enum { LONG_WAIT_ROUNDED_PART = 100 };

// Returns until when a call may wait that wants to wait for wait_us: no longer than a moment before
// deadline_us (0: it has none), as the caller knows it. 0: not at all. All of one clock, at least
// 0.
static inline int64_t long_wait_until_us(int64_t now_us, int64_t wait_us, int64_t deadline_us) {
    int64_t until_us = wait_us < INT64_MAX - now_us ? now_us + wait_us : INT64_MAX;
    if (deadline_us != 0) {
        int64_t left_us = deadline_us > now_us ? deadline_us - now_us : 0;
        int64_t latest_us = deadline_us - left_us / LONG_WAIT_ROUNDED_PART - LONG_WAIT_REPLY_US;
        until_us = until_us < latest_us ? until_us : latest_us;
    }
    return wait_us > 0 && until_us > now_us ? until_us : 0;
}

#endif
