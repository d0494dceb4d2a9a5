#ifndef RUNSD_STORAGE_OP_TRANSITION_RUN_H
#define RUNSD_STORAGE_OP_TRANSITION_RUN_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// Compare-and-set. If the run's status is in from, it becomes to and, where to is another
// status, the event is stored in the same transaction; at_us is raised to the run's newest
// event, so that time never runs backwards within a run.
// The fields in given are replaced. If to is the status it has, that is all and no event is
// made. A run that becomes final has no holder and no deadline any more; one that becomes waiting
// gets the deadline of its terms.
//
// Where checks_attempt says so the run's attempt must be attempt, which is looked at before the
// status: else STORE_CONFLICT with ret_is_stale. Where due_us is not 0 a deadline of the run must
// have come by then (0 < run_record_due_us <= due_us): else STORE_CONFLICT. All three stand in the
// one compare-and-set.
//
// STORE_OK and STORE_CONFLICT set ret to the run as it is after the operation, and ret_revision
// and ret_is_stale; STORE_NOT_FOUND leaves them.
struct store_transition_run {
    struct store_op op;
    struct slice organization;
    struct slice id;
    uint32_t from; // bits
    enum run_status to;
    bool checks_attempt;
    int64_t attempt;
    int64_t due_us;
    int64_t at_us;
    struct event_cause cause;
    uint32_t given;           // RUN_FIELD_BITs
    struct run_fields fields; // those in given
    struct run_record ret;
    int64_t ret_revision; // of the event; 0 if none was made
    bool ret_is_stale;    // the run's attempt is another one
};

static inline size_t store_transition_run_bytes(const struct store_op *op) {
    const struct store_transition_run *t = CONTAINER_OF(op, struct store_transition_run, op);
    return STORE_ROWS_BYTES + event_cause_bytes(&t->cause) + run_fields_bytes(&t->fields, t->given);
}

// Whether t asks for another attempt of run than it has.
static inline bool store_transition_run_is_stale(const struct store_transition_run *t,
                                                 const struct run_record *run) {
    return t->checks_attempt && run->attempt != t->attempt;
}

// Makes run, as it is stored, what t makes of it, for back-ends that hold a run while they
// decide: returns false where it is not one that t starts from, else with its status changed, and
// then an event to be stored, or its fields alone.
static inline bool store_transition_run_apply(const struct store_transition_run *t,
                                              struct run_record *run) {
    int64_t due_us = t->due_us != 0 ? run_record_due_us(run) : 0;
    if (store_transition_run_is_stale(t, run) || (RUN_STATUS_BIT(run->status) & t->from) == 0 ||
        (t->due_us != 0 && (due_us == 0 || due_us > t->due_us))) {
        return false;
    }
    run_fields_replace(&run->fields, &t->fields, t->given);
    if (run->status != t->to) {
        run_record_become(run, t->to, t->at_us);
    }
    return true;
}

extern const struct store_kind store_transition_run_kind;
#define STORE_TRANSITION_RUN_KIND .part = STORE_CHANGES, .bytes = store_transition_run_bytes

#endif
