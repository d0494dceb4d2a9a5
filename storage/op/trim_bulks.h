#ifndef RUNSD_STORAGE_OP_TRIM_BULKS_H
#define RUNSD_STORAGE_OP_TRIM_BULKS_H

#include "storage/bulk_record.h"
#include "storage/op/store_op.h"

// Removes jobs that were done or aborted before finished_before_us, and plans that were created
// before planned_before_us and not executed: one after the other, with up to limit items in one
// call. A job is not there any more as soon as the first of its items is gone.
//
// STORE_OK sets ret_count, how many items and jobs were removed, and ret_has_more: the next call
// finds more.
struct store_trim_bulks {
    struct store_op op;
    int64_t finished_before_us; // INT64_MIN: none
    int64_t planned_before_us;  // INT64_MIN: none
    int limit;                  // at least 1
    int ret_count;
    bool ret_has_more;
};

static inline size_t store_trim_bulks_bytes(const struct store_op *op) {
    const struct store_trim_bulks *t = CONTAINER_OF(op, struct store_trim_bulks, op);
    return STORE_ROWS_BYTES + (size_t)t->limit * 64;
}

extern const struct store_kind store_trim_bulks_kind;
#define STORE_TRIM_BULKS_KIND .part = STORE_CHANGES, .bytes = store_trim_bulks_bytes

#endif
