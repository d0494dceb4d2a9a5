#ifndef RUNSD_STORAGE_OP_DELETE_ORGANIZATION_H
#define RUNSD_STORAGE_OP_DELETE_ORGANIZATION_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// One step of the deletion of a frozen organization: deletes at most most of what it has, in this
// order: its runs in whatever status with all that is kept of them, what tells of earlier
// deletions, its jobs, its tokens, its workflows. To be repeated until ret_is_done, which says that
// nothing is left and that the organization is frozen no more: its name can be used like a new one.
//
// What stays for ever are the name and its newest revision, which is the floor of its feed: events
// of later days get revisions above it, so that no cursor of before names one of them. Keys that
// were given with changes that made no event stay until they are too old to count
// (storage/op/trim_keys.h); they lead to nothing.
//
// STORE_OK sets ret_deleted and ret_is_done. Of a step that deletes nothing and is not done rows
// are still behind their events; they are being brought up to date, so that one in a moment goes
// on. STORE_CONFLICT: the organization is not frozen. STORE_NOT_FOUND: it has neither events nor
// tokens.
struct store_delete_organization {
    struct store_op op;
    struct slice name;
    int most;            // at least 1
    int64_t ret_deleted; // runs
    bool ret_is_done;
};

static inline size_t store_delete_organization_bytes(const struct store_op *op) {
    const struct store_delete_organization *d =
        CONTAINER_OF(op, struct store_delete_organization, op);
    return STORE_ROWS_BYTES * (size_t)(d->most + 1);
}

extern const struct store_kind store_delete_organization_kind;
#define STORE_DELETE_ORGANIZATION_KIND                                                             \
    .part = STORE_CHANGES, .bytes = store_delete_organization_bytes

#endif
