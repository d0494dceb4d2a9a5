#ifndef RUNSD_STORAGE_OP_COLLECT_BULK_H
#define RUNSD_STORAGE_OP_COLLECT_BULK_H

#include "storage/bulk_record.h"
#include "storage/op/store_op.h"

// One step of finding out which runs a job is about: looks at up to most runs from where the step
// before stopped, and makes an item of each that the job's filter lets through, as it is now. A dry
// run that cascades then looks at each item, and makes items of its run's children. At the end the
// job is BULK_PLANNED if it is a dry run, BULK_DONE if it has no item, else BULK_RUNNING.
//
// STORE_OK sets ret, the job as it is after the step; where it is not BULK_PLANNING nothing
// changes. STORE_NOT_FOUND.
struct store_collect_bulk {
    struct store_op op;
    struct slice organization;
    struct slice id;
    int most; // at least 1
    int64_t at_us;
    struct bulk_record ret;
};

static inline size_t store_collect_bulk_bytes(const struct store_op *op) {
    const struct store_collect_bulk *c = CONTAINER_OF(op, struct store_collect_bulk, op);
    return STORE_ROWS_BYTES + (size_t)c->most * 128;
}

extern const struct store_kind store_collect_bulk_kind;
#define STORE_COLLECT_BULK_KIND                                                                    \
    .part = STORE_CHANGES, .bytes = store_collect_bulk_bytes,                                      \
    .organization = offsetof(struct store_collect_bulk, organization)

#endif
