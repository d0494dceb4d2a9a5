#ifndef RUNSD_STORAGE_OP_TRANSITION_RUN_H
#define RUNSD_STORAGE_OP_TRANSITION_RUN_H

#include "storage/idempotency.h"
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
// one compare-and-set. So does expected_sequence, which is looked at after the attempt and before
// the status: a run of another sequence is STORE_CONFLICT with ret_has_changed.
//
// A key (storage/idempotency.h) is looked at before the run is. Where this very request was
// answered under it before: STORE_OK with ret_is_replayed, whatever the run is now;
// STORE_KEY_REUSED sets nothing.
//
// STORE_OK and STORE_CONFLICT set ret to the run as it is after the operation, and ret_revision
// and what follows it; STORE_NOT_FOUND leaves them.
struct store_transition_run {
    struct store_op op;
    struct slice organization;
    struct slice id;
    uint32_t from; // bits
    enum run_status to;
    bool checks_attempt;
    int64_t attempt;
    int64_t expected_sequence; // 0: any
    int64_t due_us;
    int64_t at_us;
    struct event_cause cause;
    struct idempotency idempotency;
    uint32_t given;           // RUN_FIELD_BITs
    struct run_fields fields; // those in given
    struct run_record ret;
    int64_t ret_revision; // of the event; 0 if none was made
    bool ret_is_stale;    // the run's attempt is another one
    bool ret_has_changed; // its sequence is another one than expected_sequence
    bool ret_is_replayed; // it was done before, under the key
    bool ret_was_held;    // somebody held the run when the change was made
    // Where a final run is STORE_CONFLICT: of the event that made it final; else all empty.
    struct event_cause ret_ending;
};

static inline size_t store_transition_run_bytes(const struct store_op *op) {
    const struct store_transition_run *t = CONTAINER_OF(op, struct store_transition_run, op);
    return STORE_ROWS_BYTES + event_cause_bytes(&t->cause) +
           run_fields_bytes(&t->fields, t->given) +
           idempotency_bytes(&t->idempotency, t->organization, t->id);
}

// Whether t asks for another attempt of run than it has.
static inline bool store_transition_run_is_stale(const struct store_transition_run *t,
                                                 const struct run_record *run) {
    return t->checks_attempt && run->attempt != t->attempt;
}

// Whether t asks for another sequence of run than it has.
static inline bool store_transition_run_has_changed(const struct store_transition_run *t,
                                                    const struct run_record *run) {
    return t->expected_sequence != 0 && run->sequence != t->expected_sequence &&
           !store_transition_run_is_stale(t, run);
}

// Sets the answer to what holds of a change that is made.
static inline void store_transition_run_begin(struct store_transition_run *t) {
    t->ret_revision = 0;
    t->ret_is_stale = false;
    t->ret_has_changed = false;
    t->ret_is_replayed = false;
    t->ret_was_held = false;
    memset(&t->ret_ending, 0, sizeof(t->ret_ending));
}

// Returns when the change that made run what it is was made, for its key: no sooner than the run's
// event before it, however the clock went.
static inline int64_t store_transition_run_key_us(const struct store_transition_run *t,
                                                  const struct run_record *run) {
    return t->at_us > run->updated_at_us ? t->at_us : run->updated_at_us;
}

// Makes run, as it is stored, what t makes of it, for back-ends that hold a run while they
// decide: returns false where it is not one that t starts from, else with its status changed, and
// then an event to be stored, or its fields alone.
static inline bool store_transition_run_apply(struct store_transition_run *t,
                                              struct run_record *run) {
    int64_t due_us = t->due_us != 0 ? run_record_due_us(run) : 0;
    if (store_transition_run_is_stale(t, run) || store_transition_run_has_changed(t, run) ||
        (RUN_STATUS_BIT(run->status) & t->from) == 0 ||
        (t->due_us != 0 && (due_us == 0 || due_us > t->due_us))) {
        return false;
    }
    t->ret_was_held = run->holder.len > 0;
    run_fields_replace(&run->fields, &t->fields, t->given);
    if (run->status != t->to) {
        run_record_become(run, t->to, t->at_us);
    }
    return true;
}

extern const struct store_kind store_transition_run_kind;
#define STORE_TRANSITION_RUN_KIND                                                                  \
    .part = STORE_CHANGES, .bytes = store_transition_run_bytes,                                    \
    .organization = offsetof(struct store_transition_run, organization)

#endif
