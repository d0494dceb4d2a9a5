#ifndef RUNSD_STORAGE_OP_TRIM_CHANGES_H
#define RUNSD_STORAGE_OP_TRIM_CHANGES_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// Raises the floor of an organization's feed to floor_revision: from then on list_changes goes
// on from there and from later revisions alone. It is never lowered, and never raised above the
// newest revision; to ask for the same twice changes nothing. The events below stay: they are the
// history of their runs.
//
// STORE_OK sets ret_floor, the floor as it is. STORE_NOT_FOUND: the organization has no event.
struct store_trim_changes {
    struct store_op op;
    struct slice organization;
    int64_t floor_revision;
    int64_t ret_floor;
};

// The floor that t makes of floor.
static inline int64_t store_trim_changes_floor(const struct store_trim_changes *t, int64_t floor,
                                               int64_t newest) {
    int64_t wanted = t->floor_revision < newest ? t->floor_revision : newest;
    return wanted > floor ? wanted : floor;
}

static inline size_t store_trim_changes_bytes(const struct store_op *op) {
    const struct store_trim_changes *t = CONTAINER_OF(op, struct store_trim_changes, op);
    return STORE_ROWS_BYTES + t->organization.len;
}

extern const struct store_kind store_trim_changes_kind;
#define STORE_TRIM_CHANGES_KIND .part = STORE_CHANGES, .bytes = store_trim_changes_bytes

#endif
