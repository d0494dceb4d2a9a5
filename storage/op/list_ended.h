#ifndef RUNSD_STORAGE_OP_LIST_ENDED_H
#define RUNSD_STORAGE_OP_LIST_ENDED_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// Lists the runs that delete_runs would delete: those that are final since before
// finished_before_us, of organizations that are not frozen, in the order of their newest events:
// those of their ends, but for runs whose work stopped later. With them the runs that were deleted
// by hand, where the event that tells it is as old.
//
// The order is that of all events of the store, or, in a back-end that has none, that of the ends'
// times; cursor is a place in it: 0 before the first one, else a ret_cursor. It looks at so many
// events and lists at most limit runs, and stops; the next call goes on from ret_cursor. Where
// ret_has_more is false, what is old enough now was looked at, and ret_cursor is where a later call
// goes on. What was left out before, of a frozen organization, say, it may leave out for good: who
// wants that begins at 0 again now and then.
//
// The age of an event is its place in the order of all commits, as storage/op/plan_trim.h says;
// that of a run is compared besides.
enum { STORE_MOST_ENDED_LOOKS = 4096 };

struct store_ended_run {
    struct slice organization;
    struct slice id;
    int64_t finished_at_us;  // of a run that is gone: when it was deleted
    int64_t newest_revision; // of its events
};

struct store_list_ended {
    struct store_op op;
    int64_t finished_before_us;
    int64_t cursor;
    int limit; // at least 1
    struct store_ended_run *ret_runs;
    int ret_count;
    int64_t ret_cursor;
    bool ret_has_more;
};

extern const struct store_kind store_list_ended_kind;
#define STORE_LIST_ENDED_KIND .part = STORE_READS

#endif
