#ifndef RUNSD_STORAGE_OP_RUN_BULK_H
#define RUNSD_STORAGE_OP_RUN_BULK_H

#include "storage/bulk_record.h"
#include "storage/op/store_op.h"

// A run that the step cancelled.
struct store_bulk_ended {
    struct slice id;
    int64_t attempt;     // 0: it was never acquired
    struct slice holder; // who held it until then; empty: nobody
};

// One step of a job that is BULK_RUNNING: deals with up to most of its open items, in the order of
// the back-end. Each run is cancelled as by transition_run, with the job's cause, if it is still
// active; what became of it, and how many there are of which outcome, is stored in the same
// transaction. Where the job cascades the children of each run become items once it is dealt with,
// so that none that was created before escapes, and none can be created later. With the last item
// the job is BULK_DONE.
//
// STORE_OK sets ret, the job as it is after the step, and what the step ended; where the job is not
// BULK_RUNNING nothing changes. STORE_NOT_FOUND.
struct store_run_bulk {
    struct store_op op;
    struct slice organization;
    struct slice id;
    int most; // items, and children that become such; at least 1
    int64_t at_us;
    struct bulk_record ret;
    struct store_bulk_ended *ret_ended;
    int ret_ended_count;
};

static inline size_t store_run_bulk_bytes(const struct store_op *op) {
    const struct store_run_bulk *r = CONTAINER_OF(op, struct store_run_bulk, op);
    return STORE_ROWS_BYTES + (size_t)r->most * STORE_ROWS_BYTES;
}

extern const struct store_kind store_run_bulk_kind;
#define STORE_RUN_BULK_KIND                                                                        \
    .part = STORE_CHANGES, .bytes = store_run_bulk_bytes,                                          \
    .organization = offsetof(struct store_run_bulk, organization)

#endif
