#ifndef RUNSD_SERVER_FEED_FEED_BATCH_H
#define RUNSD_SERVER_FEED_FEED_BATCH_H

#include <stdatomic.h>
#include <stdbool.h>

#include "server/feed/feed_filter.h"
#include "storage/op/list_changes.h"
#include "storage/op/list_runs.h"

// Changes of one organization as WatchRuns sends them, one behind the other without a gap: encoded
// once, for all watches that get them. Or runs of a snapshot. Immutable, shared by a count of
// references.

enum { FEED_MOST_LOOPS = 4 };

// What is sent of a change, or of a run of a snapshot.
struct feed_item {
    union {
        struct feed_facts facts;   // of a change; its slices lie in the batch
        struct store_cursor place; // of a run in the list; so does its id
    };
    struct slice message;  // a serialized runs.v1.WatchRunsResponse, of a change without its run
    struct slice with_run; // of a change the same with its run, of which message is the beginning
};

struct feed_batch {
    atomic_int references;
    atomic_size_t *total; // of the bytes of all batches
    size_t bytes;         // of this one
    int64_t first;        // of changes: the revision of items[0]
    int64_t heard_us;     // when the commit of the first was heard of; 0: nobody knows
    int count;            // of changes at least 1
    bool has_workflows;   // facts.workflow is known
    bool has_runs;        // with_run is
    struct feed_item *items;
    uint8_t *data;
    struct feed_batch *next[FEED_MOST_LOOPS]; // in the inbox of a member on the index-th loop
};

// Makes a batch, with one reference, of what was read, of which there must be a change. *total
// grows by its bytes until it is freed. NULL if the changes are not those behind after_revision,
// one behind the other: what a store must not return.
struct feed_batch *feed_batch_new(const struct run_store *store,
                                  const struct store_list_changes *list, atomic_size_t *total);

// The same of runs that were listed, of which there may be none.
struct feed_batch *feed_batch_of_runs(const struct store_list_runs *list, atomic_size_t *total);

struct feed_batch *feed_batch_take(struct feed_batch *batch);

// NULL is ignored. Thread safe.
void feed_batch_release(struct feed_batch *batch);

static inline int64_t feed_batch_last(const struct feed_batch *batch) {
    return batch->first + batch->count - 1;
}

#endif
