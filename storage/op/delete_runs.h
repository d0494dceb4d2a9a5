#ifndef RUNSD_STORAGE_OP_DELETE_RUNS_H
#define RUNSD_STORAGE_OP_DELETE_RUNS_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// Deletes runs of an organization with all that is kept of them: their events, their terms, the
// keys under which they were changed. The floor of the organization's feed is raised to the newest
// of these events in the same transaction, so that no feed has a gap: one that stands below it is
// told so (storage/op/list_changes.h), one above has all.
//
// An id whose run is final since before finished_before_us is deleted, unless the store can not do
// without one of its events yet: the newest one of the store, and those of which some rows are
// still behind. The events that tell of deletions of an id (storage/op/delete_run.h) go as well if
// they are from before finished_before_us, also where the id has another run since. All other ids
// are left as they are, and so are those that would make the transaction too long: ret_deleted may
// be less than count, and to ask again is right.
//
// A run that has a parent and is that of others stays between them as storage/op/create_run.h says,
// and as jobs that cascade see it: they go through it, and it is no item of them.
//
// STORE_OK, whatever was deleted.
enum { STORE_MOST_DELETE_RUNS = 1024 };

struct store_delete_runs {
    struct store_op op;
    struct slice organization;
    const struct slice *ids;
    int count; // at most STORE_MOST_DELETE_RUNS
    int64_t finished_before_us;
    int ret_deleted; // ids of which something was deleted
};

static inline size_t store_delete_runs_bytes(const struct store_op *op) {
    const struct store_delete_runs *d = CONTAINER_OF(op, struct store_delete_runs, op);
    return STORE_ROWS_BYTES * (size_t)(d->count + 1);
}

// Whether d deletes a run in this status that is in it since finished_at_us.
static inline bool store_delete_runs_takes(const struct store_delete_runs *d,
                                           enum run_status status, int64_t finished_at_us) {
    return !run_status_is_active(status) && finished_at_us < d->finished_before_us;
}

extern const struct store_kind store_delete_runs_kind;
#define STORE_DELETE_RUNS_KIND                                                                     \
    .part = STORE_CHANGES, .bytes = store_delete_runs_bytes,                                       \
    .organization = offsetof(struct store_delete_runs, organization)

#endif
