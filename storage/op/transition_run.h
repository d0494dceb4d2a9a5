#ifndef RUNSD_STORAGE_OP_TRANSITION_RUN_H
#define RUNSD_STORAGE_OP_TRANSITION_RUN_H

#include "storage/op/store_op.h"
#include "storage/run_record.h"

// Compare-and-set. If the run's status is in from, it becomes to and, where to is another
// status, the event is stored in the same transaction; at_us is raised to the run's newest
// event, so that time never runs backwards within a run.
// The fields in given are replaced. If to is the status it has, that is all and no event is
// made.
//
// STORE_OK and STORE_CONFLICT set ret to the run as it is after the operation, and ret_revision;
// STORE_NOT_FOUND leaves both.
struct store_transition_run {
    struct store_op op;
    struct slice organization;
    struct slice id;
    uint32_t from; // bits
    enum run_status to;
    int64_t at_us;
    struct event_cause cause;
    uint32_t given;           // RUN_FIELD_BITs
    struct run_fields fields; // those in given
    struct run_record ret;
    int64_t ret_revision; // of the event; 0 if none was made
};

static inline size_t store_transition_run_bytes(const struct store_op *op) {
    const struct store_transition_run *t = CONTAINER_OF(op, struct store_transition_run, op);
    return STORE_ROWS_BYTES + event_cause_bytes(&t->cause) + run_fields_bytes(&t->fields, t->given);
}

// Makes run, as it is stored, what t makes of it, for back-ends that hold a run while they
// decide: returns false where its status is not in t->from, else with its status changed, and
// then an event to be stored, or its fields alone.
static inline bool store_transition_run_apply(const struct store_transition_run *t,
                                              struct run_record *run) {
    if ((RUN_STATUS_BIT(run->status) & t->from) == 0) {
        return false;
    }
    run_fields_replace(&run->fields, &t->fields, t->given);
    if (run->status != t->to) {
        run->status = t->to;
        run->updated_at_us = t->at_us > run->updated_at_us ? t->at_us : run->updated_at_us;
        run->finished_at_us = run_finished_at_us(t->to, run->updated_at_us);
        run->sequence++;
    }
    return true;
}

extern const struct store_kind store_transition_run_kind;
#define STORE_TRANSITION_RUN_KIND .part = STORE_CHANGES, .bytes = store_transition_run_bytes

#endif
