#ifndef RUNSD_STORAGE_OP_LIST_RUNS_H
#define RUNSD_STORAGE_OP_LIST_RUNS_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// A place in the order of the list: behind the run with these.
struct store_cursor {
    int64_t started_at_us;
    struct slice id;
};

// Runs of an organization by started_at_us descending; among equal ones in an order of the
// back-end's own that never changes; from behind the cursor. May stop before limit runs are found
// to bound the work of one call: ret_has_more says whether the next call, from ret_cursor, can find
// more.
//
// ret_newest_revision is the organization's newest revision from before the runs were read: each
// is as that event and all before it left it, or newer. So whoever follows list_changes from
// there on misses nothing of them.
struct store_list_runs {
    struct store_op op;
    struct slice organization;
    uint32_t status;           // bits; RUN_STATUS_ALL for all
    struct slice workflow_id;  // empty: all
    struct slice holder;       // of the runs' leases, as they are; empty: all, held or not
    const struct slice *ids;   // of the runs that are asked for
    int id_count;              // 0: all
    int64_t started_after_us;  // exclusive; INT64_MIN: no bound
    int64_t started_before_us; // exclusive; INT64_MAX: no bound
    bool has_cursor;
    struct store_cursor cursor;
    int limit; // at least 1
    struct run_record *ret_runs;
    int ret_count;
    bool ret_has_more;
    struct store_cursor ret_cursor; // set if ret_has_more
    int64_t ret_newest_revision;    // 0: it has no event
};

extern const struct store_kind store_list_runs_kind;
#define STORE_LIST_RUNS_KIND                                                                       \
    .part = STORE_READS,                                                                           \
    .slices = {offsetof(struct store_list_runs, organization),                                     \
               offsetof(struct store_list_runs, workflow_id),                                      \
               offsetof(struct store_list_runs, holder),                                           \
               offsetof(struct store_list_runs, cursor.id)},                                       \
    .slice_array = offsetof(struct store_list_runs, ids),                                          \
    .slice_count = offsetof(struct store_list_runs, id_count)

#endif
