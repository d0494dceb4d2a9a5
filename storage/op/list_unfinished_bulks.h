#ifndef RUNSD_STORAGE_OP_LIST_UNFINISHED_BULKS_H
#define RUNSD_STORAGE_OP_LIST_UNFINISHED_BULKS_H

#include "storage/bulk_record.h"
#include "storage/op/store_op.h"

// A job that has a next step.
struct store_unfinished_bulk {
    struct slice organization;
    struct slice id;
    enum bulk_state state; // BULK_PLANNING or BULK_RUNNING
};

// The jobs of all organizations that are BULK_PLANNING or BULK_RUNNING, in the order of their
// creation; at most limit, from behind the position of the call before. Those of frozen
// organizations are left out.
struct store_list_unfinished_bulks {
    struct store_op op;
    int64_t position; // 0: from the first one
    int limit;        // at least 1
    struct store_unfinished_bulk *ret_bulks;
    int ret_count;
    bool ret_has_more;
    int64_t ret_position; // set if ret_has_more
};

extern const struct store_kind store_list_unfinished_bulks_kind;
#define STORE_LIST_UNFINISHED_BULKS_KIND .part = STORE_READS

#endif
