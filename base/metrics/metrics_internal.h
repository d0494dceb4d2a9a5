#ifndef RUNSD_BASE_METRICS_METRICS_INTERNAL_H
#define RUNSD_BASE_METRICS_METRICS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/metrics/metrics.h"

// What the files of the registry share.

enum {
    METRICS_SLOTS = 8, // of threads; the last is shared by all that came late
    METRICS_BUCKETS = 64,
    METRICS_CELLS_PER_LINE = 8, // of 8 bytes: a cache line is one thread's alone
};

// The cells of a thread are in one piece, which begins with a cache line: one of a counter or a
// gauge; of a histogram one for each bucket, then the sum.
struct metrics_child {
    struct metrics_family *family;
    struct metrics_child *next; // with the same hash; fixed once others can see the child
    int64_t *cells;
    size_t stride; // from a thread's cells to the next thread's
    const char *values[METRICS_MAX_LABELS];
};

struct metrics_family {
    const struct metrics_info *info;
    struct metrics *metrics;
    struct metrics_family *next; // its name is the next one
    size_t number;               // in the order of adding
    size_t label_count;
    pthread_mutex_t mutex; // held by those who make children
    size_t child_count;
    // Read without the lock.
    _Atomic(struct metrics_child *) children[METRICS_BUCKETS];
    _Atomic(struct metrics_child *) other;
};

struct metrics_collector {
    void (*visit)(void *context, struct metrics_collection *collection);
    void *context;
    struct metrics_collector *next;
};

struct metrics {
    pthread_mutex_t mutex; // guards what follows; held during a look
    struct metrics_family *first;
    size_t family_count;
    struct metrics_collector *collectors;
};

// The sum of a cell over the threads.
int64_t metrics_cell_sum(const struct metrics_child *child, size_t cell);

#endif
