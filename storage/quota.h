#ifndef RUNSD_STORAGE_QUOTA_H
#define RUNSD_STORAGE_QUOTA_H

#include "storage/run_record.h"

// How much an organization may have in the store, and has. Pure.

// 0: no limit.
struct store_quota {
    int64_t open_runs;
    int64_t stored_bytes;
};

struct store_use {
    int64_t open_runs;    // that are running or waiting
    int64_t stored_bytes; // of the definitions of all its runs: run_record.spec
};

enum store_excess { EXCESS_NONE, EXCESS_OPEN_RUNS, EXCESS_STORED_BYTES };

// Whether there is any limit, so that the use must be known.
static inline bool store_quota_limits(const struct store_quota *quota) {
    return quota->open_runs > 0 || quota->stored_bytes > 0;
}

// The open ones of so many runs of each status.
static inline int64_t store_open_runs(const int64_t runs[RUN_STATUS_COUNT]) {
    return runs[RUN_RUNNING] + runs[RUN_WAITING];
}

// Whether an organization that has use may have run, too.
static inline enum store_excess store_quota_excess(const struct store_quota *quota,
                                                   const struct store_use *use,
                                                   const struct run_record *run) {
    bool is_open = run_status_is_active(run->status);
    if (quota->open_runs > 0 && is_open && use->open_runs >= quota->open_runs) {
        return EXCESS_OPEN_RUNS;
    }
    bool is_beyond = use->stored_bytes + (int64_t)run->spec.len > quota->stored_bytes;
    return quota->stored_bytes > 0 && is_beyond ? EXCESS_STORED_BYTES : EXCESS_NONE;
}

#endif
