#ifndef RUNSD_STORAGE_SQLITE_PENDING_LIMITS_H
#define RUNSD_STORAGE_SQLITE_PENDING_LIMITS_H

#include <stdint.h>

// When rows are brought up to date with their events (storage/sqlite/pending.h).
struct pending_limits {
    // How many runs, or events, one generation has before it is frozen. Its newest event becomes
    // the durable mark that a start reads events from: about two generations' events at most.
    int runs;
    int64_t events;
    // How many rows are brought up to date at once: enough that neighbours share pages, few
    // enough that no client sees the pause.
    int slice;
    // How long one slice may take, where rows come from a disk; 0: as long as it takes.
    int64_t slice_us;
    // After how long without an operation that goes on alone; 0: never.
    int64_t idle_us;
    // Above so many organizations those whose rows say all are forgotten.
    int organizations;
};

enum { PENDING_RUNS = 49152 };

// Those of a store that is served.
static inline struct pending_limits pending_limits_usual(void) {
    return (struct pending_limits){
        .runs = PENDING_RUNS,
        .events = 2 * PENDING_RUNS,
        .slice = 128,
        .slice_us = 2000,
        .idle_us = 100 * 1000,
        .organizations = 16384,
    };
}

#endif
