#ifndef RUNSD_STORAGE_OP_STOP_RUN_H
#define RUNSD_STORAGE_OP_STOP_RUN_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// Notes that the work of a cancelled run has stopped, as the executor of attempt says, with an
// event of kind STORE_EVENT_STOP: at at_us, or when the run was cancelled if that is later. When
// the run was finished stays what it was.
//
// STORE_OK, also where it was noted before: nothing changes then. STORE_CONFLICT: the attempt is
// another one (ret_is_stale), or the run is not cancelled. Both set ret to the run as it is after
// the operation, and ret_revision and ret_is_stale; STORE_NOT_FOUND leaves them.
struct store_stop_run {
    struct store_op op;
    struct slice organization;
    struct slice id;
    int64_t attempt; // 0: of a run that was never acquired
    int64_t at_us;
    struct event_cause cause;
    struct run_record ret;
    int64_t ret_revision; // of the event; 0 if none was made
    bool ret_is_stale;    // the run's attempt is another one
};

static inline size_t store_stop_run_bytes(const struct store_op *op) {
    const struct store_stop_run *s = CONTAINER_OF(op, struct store_stop_run, op);
    return STORE_ROWS_BYTES + 2 * (s->organization.len + s->id.len) + event_cause_bytes(&s->cause);
}

// Makes run, as it is stored, what s makes of it, with an event to be stored if its sequence has
// changed; returns false, and leaves it, where that is a conflict.
static inline bool store_stop_run_apply(const struct store_stop_run *s, struct run_record *run) {
    if (run->attempt != s->attempt || run->status != RUN_CANCELLED) {
        return false;
    }
    if (run->stopped_at_us == 0) {
        run->sequence++;
        run->stopped_at_us = s->at_us > run->updated_at_us ? s->at_us : run->updated_at_us;
    }
    return true;
}

extern const struct store_kind store_stop_run_kind;
#define STORE_STOP_RUN_KIND                                                                        \
    .part = STORE_CHANGES, .bytes = store_stop_run_bytes,                                          \
    .organization = offsetof(struct store_stop_run, organization)

#endif
