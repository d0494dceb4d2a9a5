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
struct store_list_due {
    struct store_op op;
    int64_t until_us;
    int limit; // at least 1
    struct store_due *ret_due;
    int ret_count;
    int64_t ret_next_due_us; // of the first run that is not in ret_due; 0: there is none
};

extern const struct store_kind store_list_due_kind;
#define STORE_LIST_DUE_KIND .part = STORE_READS

#endif
