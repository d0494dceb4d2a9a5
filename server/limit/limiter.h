#ifndef RUNSD_SERVER_LIMIT_LIMITER_H
#define RUNSD_SERVER_LIMIT_LIMITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "server/limit/limit_bucket.h"

// What each organization may still ask of this server, in memory: reads and changes a second, bytes
// of requests and replies a second, streams that are open at once. A token with limits of its own
// counts apart from its organization. Only who has asked lately, or has something open, is
// remembered: whose buckets are full again is as if it had never asked. Times are those of
// clock_monotonic_us. Thread safe.

enum limit {
    LIMIT_READS,
    LIMIT_CHANGES,
    LIMIT_BYTES,
    LIMIT_STREAMS,
    LIMITS,
};

enum { LIMIT_RATES = LIMIT_STREAMS }; // the limits before it are rates

struct limiter_options {
    int64_t most[LIMITS]; // a second, or of streams at once; 0: no limit
    int64_t burst_us;     // how long a bucket takes to fill
    size_t most_shares;   // that are remembered; 0: LIMITER_MOST_SHARES
};

enum { LIMITER_MOST_SHARES = 131072 };

// Who asks.
struct limit_asker {
    struct slice organization;
    struct slice token;   // empty: all of the organization that have no limits of their own
    int64_t most[LIMITS]; // as in limiter_options
};

// What an asker's limits are and how much is left of each, once its call was counted.
struct limit_view {
    int64_t holds[LIMITS]; // what a bucket holds at most; 0: no limit
    int64_t left[LIMITS];
    int64_t next_us[LIMITS]; // of rates: until there is more than that; 0: it is full
};

// What an asker has used and has open.
struct limit_share;

struct limiter;

struct limiter *limiter_new(const struct limiter_options *options);

// All shares must have been left. NULL is ignored.
void limiter_free(struct limiter *limiter);

// Gives every organization other limits, from the next call on; most_shares stays. Thread safe.
void limiter_set(struct limiter *limiter, const struct limiter_options *options);

// What every organization may ask: as it was given last; valid until limiter_free.
const struct limiter_options *limiter_options_of(const struct limiter *limiter);

// Whether that is any limit.
bool limiter_is_on(const struct limiter *limiter);

// One call.
struct limit_request {
    enum limit limit; // LIMIT_READS or LIMIT_CHANGES
    int64_t bytes;    // of its request
    bool is_stream;   // it counts as open until limiter_leave
};

// Counts a call, and sets *ret_view. Returns the asker's share, for limiter_charge and, once,
// limiter_leave; or NULL and changes nothing: then *ret_refused is the limit that is used up and
// *ret_wait_us how long it takes until this call would be counted, if nobody else of the share asks
// meanwhile; 0 for LIMIT_STREAMS, of which nobody knows. Bytes are counted though there may be
// fewer: only who has none left is refused.
struct limit_share *limiter_enter(struct limiter *limiter, const struct limit_asker *asker,
                                  const struct limit_request *request, int64_t now_us,
                                  struct limit_view *ret_view, enum limit *ret_refused,
                                  int64_t *ret_wait_us);

// Has a call that is no stream count as one until it is left, if there may be one more. Returns
// whether it does.
bool limiter_open_stream(struct limiter *limiter, struct limit_share *share);

// Counts bytes that were sent.
void limiter_charge(struct limiter *limiter, struct limit_share *share, int64_t bytes,
                    int64_t now_us);

// The call is over and has sent so many bytes since limiter_charge. has_stream: it counted as a
// stream.
void limiter_leave(struct limiter *limiter, struct limit_share *share, bool has_stream,
                   int64_t bytes, int64_t now_us);

// How many shares are remembered.
size_t limiter_count(struct limiter *limiter);

#endif
