#ifndef RUNSD_STORAGE_OP_PLAN_TRIM_H
#define RUNSD_STORAGE_OP_PLAN_TRIM_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// Finds the organizations whose floor (trim_changes) is to be raised, in the order of their
// names: those that have events from before oldest_at_us above it, or more than most_events.
// Looks at limit organizations from the name cursor on (empty: from the first one) and stops; the
// next call goes on from ret_cursor, if ret_has_more.
//
// The age of an event is its place in the order of all commits, whose times are taken to grow:
// where the clock was set back, events around that moment may count as older or younger than they
// are. An organization may be left out in the first moments after its first event.
struct store_plan_trim {
    struct store_op op;
    struct slice cursor;
    int limit;            // at least 1
    int64_t oldest_at_us; // events before it are too old; INT64_MIN: none is
    int64_t most_events;  // above the floor; INT64_MAX: any number
    struct store_trim *ret_trims;
    int ret_count;
    bool ret_has_more;
    struct slice ret_cursor; // set if ret_has_more
};

// Which floor is to be raised, and to what: above floor, at most newest.
struct store_trim {
    struct slice organization;
    int64_t floor_revision;
};

// The floor that is due for an organization, of whose events those up to aged are too old.
static inline int64_t store_plan_trim_floor(const struct store_plan_trim *p, int64_t newest,
                                            int64_t floor, int64_t aged) {
    int64_t due = aged > floor ? aged : floor;
    return newest - due > p->most_events ? newest - p->most_events : due;
}

extern const struct store_kind store_plan_trim_kind;
#define STORE_PLAN_TRIM_KIND                                                                       \
    .part = STORE_READS, .slices = {offsetof(struct store_plan_trim, cursor)}

#endif
