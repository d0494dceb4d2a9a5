#ifndef RUNSD_SERVER_LIMIT_LIMIT_BUCKET_H
#define RUNSD_SERVER_LIMIT_LIMIT_BUCKET_H

#include <stdint.h>

// A token bucket: it fills at a rate up to what it can hold, and what is done takes from it. Exact:
// it counts millionths in integers, so what it says of waits is true to the microsecond. The caller
// gives the time, of a clock that never goes back. Pure.

enum {
    LIMIT_LEAST_BURST_MS = 10,
    LIMIT_MOST_BURST_MS = 60 * 1000,
};

// The fastest rate; what it holds in LIMIT_MOST_BURST_MS still fits an int64_t, in millionths.
#define LIMIT_MOST_PER_S INT64_C(50000000000)

// How far below nothing a bucket can go, as time that it needs to be at nothing again.
#define LIMIT_MOST_DEBT_US INT64_C(60000000)

// How a bucket fills.
struct limit_rate {
    int64_t per_s;    // 1 to LIMIT_MOST_PER_S
    int64_t burst_us; // it holds what comes in that time, and at least 1
};

// A bucket of zeros is full from the first look on.
struct limit_bucket {
    int64_t lack;  // millionths that it lacked to be full
    int64_t at_us; // then
};

// What it holds when it is full, 1 at least.
int64_t limit_rate_holds(const struct limit_rate *rate);

// How long it takes from now_us on until it is full, and so as if nothing had ever been taken.
int64_t limit_bucket_full_us(const struct limit_bucket *bucket, const struct limit_rate *rate,
                             int64_t now_us);

// What it has at now_us, whole; 0 also where it is below nothing.
int64_t limit_bucket_left(const struct limit_bucket *bucket, const struct limit_rate *rate,
                          int64_t now_us);

// How long it takes from now_us on until it has at least amount; 0: it has. amount is at most what
// it holds.
int64_t limit_bucket_wait_us(const struct limit_bucket *bucket, const struct limit_rate *rate,
                             int64_t amount, int64_t now_us);

// Takes amount, whether it has that or not: it goes below nothing, to LIMIT_MOST_DEBT_US at most.
void limit_bucket_take(struct limit_bucket *bucket, const struct limit_rate *rate, int64_t amount,
                       int64_t now_us);

#endif
