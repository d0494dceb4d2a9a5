#ifndef RUNSD_STORAGE_OP_DELETE_RUN_H
#define RUNSD_STORAGE_OP_DELETE_RUN_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// Deletes one final run, however old it is, as storage/op/delete_runs.h says, with an event of kind
// STORE_EVENT_DELETION: at at_us, but no sooner than the run's newest event. That event is the
// organization's newest, above the floor, so that feeds tell who deleted what; no run has it in its
// history. Its id can be created again, as a run of its own.
//
// STORE_OK and STORE_CONFLICT set ret to the run as it was. STORE_CONFLICT: it is not final.
// STORE_BUSY with ret_is_pending: rows of the run are still behind its events. They are being
// brought up to date, so that the same operation succeeds in a moment; nothing changed.
struct store_delete_run {
    struct store_op op;
    struct slice organization;
    struct slice id;
    int64_t at_us;
    struct event_cause cause;
    struct run_record ret;
    int64_t ret_revision; // of the event; 0 if none was made
    bool ret_is_pending;
};

static inline size_t store_delete_run_bytes(const struct store_op *op) {
    const struct store_delete_run *d = CONTAINER_OF(op, struct store_delete_run, op);
    return 2 * STORE_ROWS_BYTES + 2 * (d->organization.len + d->id.len) +
           event_cause_bytes(&d->cause);
}

// Returns the run of which the event of the deletion of run tells.
static inline struct run_record store_delete_run_record(const struct store_delete_run *d,
                                                        const struct run_record *run) {
    struct run_record gone = *run;
    run_record_advance(&gone, d->at_us > run->stopped_at_us ? d->at_us : run->stopped_at_us);
    return gone;
}

extern const struct store_kind store_delete_run_kind;
#define STORE_DELETE_RUN_KIND                                                                      \
    .part = STORE_CHANGES, .bytes = store_delete_run_bytes,                                        \
    .organization = offsetof(struct store_delete_run, organization)

#endif
