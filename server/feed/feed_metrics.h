#ifndef RUNSD_SERVER_FEED_FEED_METRICS_H
#define RUNSD_SERVER_FEED_FEED_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/metrics/metrics.h"

// What is counted of all watches.

// What a watch is sent.
enum feed_message_kind {
    FEED_MESSAGE_CHANGE,
    FEED_MESSAGE_RUN, // of a snapshot
    FEED_MESSAGE_SNAPSHOT_END,
    FEED_MESSAGE_BOOKMARK,
    FEED_MESSAGES,
};

struct feed_metrics {
    struct metrics *registry;
    struct metrics_child *sent[FEED_MESSAGES];
    struct metrics_child *delivery_time;
    struct metrics_child *limit;
    // Known when somebody looks.
    struct metrics_family *watches;
    struct metrics_family *behind;
    struct metrics_family *lag_revisions;
    struct metrics_family *lag_seconds;
    struct metrics_family *held_bytes;
};

// How far the watches of one loop are behind, as its thread found when it looked last.
struct feed_lag {
    atomic_int watches;        // that are behind what they follow
    _Atomic int64_t revisions; // that the one which is furthest behind has to look at
    _Atomic int64_t age_us;    // for how long one has been behind
};

// Adds the families to registry, which may be NULL.
void feed_metrics_init(struct feed_metrics *m, struct metrics *registry, int max_watches);

// In a collector: how far the watches of all loops together are behind.
void feed_metrics_collect_lag(const struct feed_metrics *m, struct metrics_collection *collection,
                              const struct feed_lag *lag);

#endif
