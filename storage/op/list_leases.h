#ifndef RUNSD_STORAGE_OP_LIST_LEASES_H
#define RUNSD_STORAGE_OP_LIST_LEASES_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// A run that somebody holds.
struct store_lease {
    struct slice organization;
    struct slice id;
    int64_t attempt;
    struct slice holder;
    int64_t lease_us;
};

// A place in the order of the list: behind the run with these.
struct store_lease_cursor {
    struct slice organization;
    struct slice holder;
    int64_t started_at_us;
    struct slice id;
};

// The runs of all organizations that somebody holds, in an order of the back-end's own; at most
// limit, from behind the cursor. A run that is held from before the first call until after the
// last is in the pages exactly once.
struct store_list_leases {
    struct store_op op;
    bool has_cursor;
    struct store_lease_cursor cursor;
    int limit; // at least 1
    struct store_lease *ret_leases;
    int ret_count;
    bool ret_has_more;
    struct store_lease_cursor ret_cursor; // set if ret_has_more
};

extern const struct store_kind store_list_leases_kind;
#define STORE_LIST_LEASES_KIND                                                                     \
    .part = STORE_READS, .slices = {offsetof(struct store_list_leases, cursor.organization),       \
                                    offsetof(struct store_list_leases, cursor.holder),             \
                                    offsetof(struct store_list_leases, cursor.id)}

#endif
