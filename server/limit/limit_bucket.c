#include "server/limit/limit_bucket.h"

enum { MILLION = 1000000 };

static int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// What it can hold, in millionths.
static int64_t room_of(const struct limit_rate *rate) {
    return most(rate->per_s * rate->burst_us, MILLION);
}

// What it lacks to be full, in millionths.
static int64_t lack_at(const struct limit_bucket *bucket, const struct limit_rate *rate,
                       int64_t now_us) {
    int64_t passed_us = now_us - bucket->at_us;
    if (passed_us <= 0) {
        return bucket->lack;
    }
    // The division first: what comes in a long time may be more than an int64_t holds.
    return bucket->lack / rate->per_s < passed_us ? 0 : bucket->lack - passed_us * rate->per_s;
}

int64_t limit_rate_holds(const struct limit_rate *rate) {
    return room_of(rate) / MILLION;
}

// How long it takes until so much more is there.
static int64_t wait_us(const struct limit_rate *rate, int64_t millionths) {
    return millionths <= 0 ? 0 : (millionths + rate->per_s - 1) / rate->per_s;
}

int64_t limit_bucket_full_us(const struct limit_bucket *bucket, const struct limit_rate *rate,
                             int64_t now_us) {
    return wait_us(rate, lack_at(bucket, rate, now_us));
}

int64_t limit_bucket_left(const struct limit_bucket *bucket, const struct limit_rate *rate,
                          int64_t now_us) {
    return most(room_of(rate) - lack_at(bucket, rate, now_us), 0) / MILLION;
}

int64_t limit_bucket_wait_us(const struct limit_bucket *bucket, const struct limit_rate *rate,
                             int64_t amount, int64_t now_us) {
    int64_t missing = amount * MILLION - (room_of(rate) - lack_at(bucket, rate, now_us));
    return wait_us(rate, missing);
}

void limit_bucket_take(struct limit_bucket *bucket, const struct limit_rate *rate, int64_t amount,
                       int64_t now_us) {
    int64_t deepest = room_of(rate) + rate->per_s * LIMIT_MOST_DEBT_US;
    int64_t lack = lack_at(bucket, rate, now_us);
    // Of more than that the outcome is the same, and the product would be none.
    int64_t taken = least(amount, deepest / MILLION + 1) * MILLION;
    bucket->lack = lack > deepest - taken ? deepest : lack + taken;
    bucket->at_us = most(now_us, bucket->at_us);
}
