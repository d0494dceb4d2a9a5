#ifndef RUNSD_STORAGE_OP_FIND_RUNS_H
#define RUNSD_STORAGE_OP_FIND_RUNS_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// What became of a run.
struct store_found_run {
    bool is_there; // else the rest is 0
    enum run_status status;
    int64_t attempt;
    struct slice holder; // empty: nobody
    int64_t lease_us;    // of the holder; 0: nobody
    int64_t finished_at_us;
    int64_t stopped_at_us;
    // Of a final run: who made it so, and why, as its event says.
    struct slice actor;
    struct slice reason;
};

// What became of the organization's runs of ids, of which there are at most
// STORE_FIND_RUNS_MAX; each as some moment since the submission found it. STORE_OK.
struct store_find_runs {
    struct store_op op;
    struct slice organization;
    const struct slice *ids;
    int count;
    struct store_found_run *ret; // in the order of ids
};

enum { STORE_FIND_RUNS_MAX = 10000 };

extern const struct store_kind store_find_runs_kind;
#define STORE_FIND_RUNS_KIND                                                                       \
    .part = STORE_READS, .slices = {offsetof(struct store_find_runs, organization)},               \
    .slice_array = offsetof(struct store_find_runs, ids),                                          \
    .slice_count = offsetof(struct store_find_runs, count)

#endif
