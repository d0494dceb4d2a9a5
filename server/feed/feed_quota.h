#ifndef RUNSD_SERVER_FEED_FEED_QUOTA_H
#define RUNSD_SERVER_FEED_FEED_QUOTA_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/core/error.h"
#include "server/auth/token_table.h"

// How many watches there may be, in all and of one token, and whether the secrets that opened
// them still open. Thread safe.

enum { FEED_QUOTA_BUCKETS = 4096 };

// A secret by which watches were opened.
struct feed_secret {
    struct feed_secret *next; // of its bucket
    const struct token_entry *token;
    uint8_t hash[TOKEN_HASH_BYTES];
    int watches;
    atomic_bool is_over; // it opens no more; never taken back
};

struct feed_quota {
    pthread_mutex_t mutex;
    int most;
    int most_per_token;
    int watches;
    int64_t next_end_us; // no secret expires before, by the time of day; 0: none does
    uint64_t generation; // of the table when all were looked at
    bool has_new_secret; // since then
    struct feed_secret *buckets[FEED_QUOTA_BUCKETS]; // by their tokens
};

void feed_quota_init(struct feed_quota *quota, int most, int most_per_token);

// No watch may be left.
void feed_quota_destroy(struct feed_quota *quota);

// Takes a place for a watch of the caller, and sets *ret_secret, for feed_quota_leave.
// RESOURCE_EXHAUSTED / QUEUE_FULL with RetryInfo, in a: the server, or the token, has as many as it
// may.
const struct error *feed_quota_enter(struct feed_quota *quota, struct arena *a,
                                     const struct identity *identity,
                                     struct feed_secret **ret_secret);
void feed_quota_leave(struct feed_quota *quota, struct feed_secret *secret);

// Marks the secrets that open no more at now_us (the time of day); returns whether there are new
// ones. Looks at them only if the table changed, or one may have expired.
bool feed_quota_check(struct feed_quota *quota, struct token_table *tokens, int64_t now_us);

#endif
