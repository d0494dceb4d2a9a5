#ifndef RUNSD_STORAGE_STORE_METRICS_H
#define RUNSD_STORAGE_STORE_METRICS_H

#include "base/metrics/metrics.h"
#include "storage/op/store_op.h"
#include "storage/run_record.h"

// What a store tells of itself, by families that are the same for every back-end: each counts with
// those of which it has something to tell. Above storage/ nobody knows more of them than their
// names. Every child and family here is NULL where nobody looks.

// Why a log is copied into the file that it belongs to.
enum store_checkpoint {
    STORE_CHECKPOINT_PIECE,    // some of it, between commits
    STORE_CHECKPOINT_RESTART,  // the rest, so that it begins anew
    STORE_CHECKPOINT_TRUNCATE, // the same, and its file is cut
    STORE_CHECKPOINTS,
};

struct store_metrics {
    struct metrics *registry;
    struct metrics_family *operations;        // by operation and result
    _Atomic(struct metrics_child *) *results; // its children, by kind and result, once made

    // Of a queue in front of each part.
    struct metrics_child *queue_wait[2]; // by enum store_part
    struct metrics_family *queue_length; // by part, as the next; for collectors
    struct metrics_family *queue_limit;

    // Of group commit.
    struct metrics_child *batch_operations;
    struct metrics_child *batch_time;
    struct metrics_child *commit_time;
    struct metrics_child *unknown_commits;

    // Of threads that read.
    struct metrics_child *read_time[2];  // of quick operations, and of long ones
    struct metrics_family *reader_turns; // by thread
    struct metrics_child *readers;       // how many there are
    struct metrics_family *readers_busy; // for collectors

    // Of a log that is copied into a file now and then.
    struct metrics_child *checkpoint_time[STORE_CHECKPOINTS];
    struct metrics_child *sync_time; // of the file, beside commits
    struct metrics_child *log_used_bytes;
    struct metrics_child *log_kept_bytes;
    struct metrics_family *file_bytes;      // by file, for collectors
    struct metrics_family *disk_free_bytes; // for collectors
    struct metrics_family *pending_runs;    // for collectors

    // Of memory, by thread.
    struct metrics_family *memory_bytes; // by use, too
    struct metrics_family *cache_limit_bytes;
    struct metrics_family *cache_lookups; // by result, too

    // What the store has, for collectors or for the one thread that changes it.
    struct metrics_child *runs[RUN_STATUS_COUNT]; // 0: NULL
    struct metrics_child *organizations;
};

// Adds the families to registry, which may be NULL.
void store_metrics_init(struct store_metrics *m, struct metrics *registry);

// Once no thread counts any more.
void store_metrics_release(struct store_metrics *m);

// Answers op, which has its result, and counts it. The operation is its owner's from then on.
void store_metrics_answer(struct store_metrics *m, struct store_op *op);

// Tells how many runs and organizations there are. One thread at a time.
void store_metrics_set_runs(struct store_metrics *m, const int64_t runs[RUN_STATUS_COUNT],
                            int64_t organizations);

// In a collector: how long the queue of part is, and may be.
void store_metrics_collect_queue(const struct store_metrics *m,
                                 struct metrics_collection *collection, enum store_part part,
                                 int length, int limit);

#endif
