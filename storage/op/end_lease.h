#ifndef RUNSD_STORAGE_OP_END_LEASE_H
#define RUNSD_STORAGE_OP_END_LEASE_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// Ends the lease that attempt has of a run: given back by its holder (STORE_EVENT_RELEASE), or over
// (STORE_EVENT_LEASE_LOSS). The run can be acquired again, or becomes a failure in the same event
// where the lease was lost and its terms say so. The attempt stays. at_us is raised to the run's
// newest event, and to the end of a lease that was renewed at another process and ended meanwhile.
//
// STORE_OK and STORE_CONFLICT (the attempt is another one, nobody holds the run, or it is final)
// set ret to the run as it is after the operation, and ret_revision, ret_is_stale and ret_left_us;
// STORE_NOT_FOUND leaves them. A lease that was renewed at another process (note_renewals.h) is not
// over: STORE_CONFLICT, and ret_left_us says how long it lasts.
struct store_end_lease {
    struct store_op op;
    struct slice organization;
    struct slice id;
    int64_t attempt;
    enum store_event_kind kind; // STORE_EVENT_RELEASE or STORE_EVENT_LEASE_LOSS
    int64_t at_us;
    struct event_cause cause;
    struct run_record ret;
    int64_t ret_revision; // of the event; 0 if none was made
    bool ret_is_stale;    // the run's attempt is another one
    int64_t ret_left_us;  // 0: it was not renewed elsewhere
};

static inline size_t store_end_lease_bytes(const struct store_op *op) {
    const struct store_end_lease *e = CONTAINER_OF(op, struct store_end_lease, op);
    return STORE_ROWS_BYTES + event_cause_bytes(&e->cause);
}

// Whether run has the lease that e ends.
static inline bool store_end_lease_is_held(const struct store_end_lease *e,
                                           const struct run_record *run) {
    return run->attempt == e->attempt && run->holder.len > 0;
}

// Makes run, as it is stored, what e makes of it; returns false, and leaves it, where that is a
// conflict.
static inline bool store_end_lease_apply(const struct store_end_lease *e, struct run_record *run) {
    if (!store_end_lease_is_held(e, run)) {
        return false;
    }
    run->holder = SLICE_EMPTY;
    run->lease_us = 0;
    if (e->kind == STORE_EVENT_LEASE_LOSS && run->terms.fails_on_lease_loss) {
        run_record_become(run, RUN_FAILURE, e->at_us);
    } else {
        run_record_advance(run, e->at_us);
    }
    return true;
}

extern const struct store_kind store_end_lease_kind;
#define STORE_END_LEASE_KIND                                                                       \
    .part = STORE_CHANGES, .bytes = store_end_lease_bytes,                                         \
    .organization = offsetof(struct store_end_lease, organization)

#endif
