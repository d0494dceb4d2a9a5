#ifndef RUNSD_SERVER_FEED_FEED_FILTER_H
#define RUNSD_SERVER_FEED_FEED_FILTER_H

#include "base/core/error.h"
#include "runs/v1/feed.pb-c.h"
#include "storage/run_record.h"

// What a watch asks for: the filters of WatchRunsRequest. Pure.

enum { FEED_FILTER_MOST_RUNS = 1000, FEED_FILTER_LONGEST_HOLDER = 256 };

// Immutable once it is made. Runs are kept as hashes of 64 bits, 8 bytes each: that a change of
// another run of the organization passes has a chance of 1 in 2^54 at most.
struct feed_filter {
    uint32_t status;       // RUN_STATUS_BITs of the statuses reached; 0: all, and what changes none
    struct slice workflow; // empty: all
    struct slice holder;   // empty: all
    uint64_t *runs;        // ascending
    int run_count;         // 0: all
};

// What a filter looks at of a change.
struct feed_facts {
    int from;
    enum run_status to;
    struct slice workflow;
    struct slice holder;
    uint64_t run; // feed_filter_hash of its id
};

// Checks the filters of a request, and makes *ret_filter of them on the heap, for
// feed_filter_release. INVALID_ARGUMENT / FIELD_INVALID, in a, names the field and what was given:
// a number that is no status, more than 1,000 runs, what is no run's id, one that is there twice, a
// workflow of more than 1,024 bytes, what is no holder's name.
const struct error *feed_filter_read(struct arena *a, const Runs__V1__WatchRunsRequest *request,
                                     struct feed_filter *ret_filter);

void feed_filter_release(struct feed_filter *filter);

// Whether the change is asked for. A change that leaves the status as it was reaches none.
bool feed_filter_matches(const struct feed_filter *filter, const struct feed_facts *change);

uint64_t feed_filter_hash(struct slice run_id);

#endif
