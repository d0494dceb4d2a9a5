#ifndef RUNSD_STORAGE_OP_STORE_STATS_H
#define RUNSD_STORAGE_OP_STORE_STATS_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

struct store_sizes {
    int64_t organizations;          // that have, or had, an event
    int64_t runs[RUN_STATUS_COUNT]; // how many there are of each status
    int64_t events;
    int64_t keys; // of requests that can be repeated; those of the last moments may be missing
    int64_t jobs; // bulk cancels
    int64_t oldest_event_at_us; // 0: there is none
    int64_t bytes;              // of the store's file, or database; 0 where there is none
    int64_t free_bytes;         // of these, those that are used again before the file grows
};

// What a store has, of all organizations; at a price that does not grow with what it has, but for
// its organizations. A back-end that cannot count so estimates events, keys and jobs where there
// are more than 10,000.
struct store_store_stats {
    struct store_op op;
    struct store_sizes ret;
};

extern const struct store_kind store_store_stats_kind;
#define STORE_STORE_STATS_KIND .part = STORE_READS

#endif
