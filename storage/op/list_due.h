#ifndef RUNSD_STORAGE_OP_LIST_DUE_H
#define RUNSD_STORAGE_OP_LIST_DUE_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// A run whose deadline has come.
struct store_due {
    struct slice organization;
    struct slice id;
    int64_t due_us;             // run_record_due_us
    enum run_status on_timeout; // what its terms make of it
};

// The runs of all organizations whose deadline is until_us or before, the soonest first; at most
// limit. What they have become since is for transition_run to see, by its due_us.
//
// Those of frozen organizations are left out. So that they are not passed again and again, the next
// look may begin at ret_from_us, until an organization is thawed or a run gets a deadline from
// before it: all runs that are due sooner are of frozen organizations.
struct store_list_due {
    struct store_op op;
    int64_t from_us; // not to look at runs that are due before it; 0: at all
    int64_t until_us;
    int limit; // at least 1
    struct store_due *ret_due;
    int ret_count;
    // Of the first run behind those of ret_due, or where the next look is to go on; 0: there is
    // none.
    int64_t ret_next_due_us;
    int64_t ret_from_us; // 0 where no organization is frozen
};

extern const struct store_kind store_list_due_kind;
#define STORE_LIST_DUE_KIND .part = STORE_READS

#endif
