#ifndef RUNSD_STORAGE_OP_FIND_REVISION_H
#define RUNSD_STORAGE_OP_FIND_REVISION_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// Finds the organization's newest revision whose event was before at_us, at least its floor
// (trim_changes): who follows the feed from ret_revision on gets what came at at_us or later. At
// ret_floor and not above it, some of that may have been dropped. Both are 0 where the organization
// has no event.
//
// When an event was is its place in the order of all commits, as for plan_trim.
struct store_find_revision {
    struct store_op op;
    struct slice organization;
    int64_t at_us;
    int64_t ret_revision;
    int64_t ret_floor;
};

extern const struct store_kind store_find_revision_kind;
#define STORE_FIND_REVISION_KIND                                                                   \
    .part = STORE_READS, .slices = {offsetof(struct store_find_revision, organization)}

#endif
