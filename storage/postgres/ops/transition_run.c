#include "storage/op/transition_run.h"

#include "storage/postgres/postgres_op.h"

static void want(struct work *work, struct store_op *op) {
    struct store_transition_run *t = CONTAINER_OF(op, struct store_transition_run, op);
    work_want_key(work, &t->idempotency);
    work_want_run(work, t->organization, t->id);
}

// Says what there is to say of a run that t does not start from.
static void set_conflict(struct store_transition_run *t, const struct work_run *run) {
    t->op.result = STORE_CONFLICT;
    t->ret_is_stale = store_transition_run_is_stale(t, &run->record);
    t->ret_has_changed = store_transition_run_has_changed(t, &run->record);
    if (!run_status_is_active(run->record.status)) {
        t->ret_ending = work_ending(t->op.arena, run);
    }
}

// Makes the change that t asks for, or says why it cannot be made.
static void change(struct work *work, struct store_transition_run *t, struct work_run *run) {
    struct run_record after = run->record;
    if (!store_transition_run_apply(t, &after)) {
        set_conflict(t, run);
        return;
    }
    if (after.sequence != run->record.sequence) {
        t->ret_revision =
            work_change_run(work, run, &after, STORE_EVENT_TRANSITION, &t->cause, t->given);
    } else if (t->given != 0) {
        work_set_fields(work, run, &t->fields, t->given);
    }
    work_note_key(work, &t->idempotency, WORK_KEY_OF_RUN, t->organization, run->record.id,
                  store_transition_run_key_us(t, &run->record));
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_transition_run *t = CONTAINER_OF(op, struct store_transition_run, op);
    struct slice id = t->id;
    enum idempotency_match match = work_find_key(work, &t->idempotency, &id);
    if (match == IDEMPOTENCY_OTHER) {
        op->result = STORE_KEY_REUSED;
        return PG_OK;
    }
    struct work_run *run = work_find_run(work, t->organization, id);
    if (run == NULL) {
        op->result = STORE_NOT_FOUND;
        return PG_OK;
    }
    store_transition_run_begin(t);
    op->result = STORE_OK;
    t->ret_is_replayed = match == IDEMPOTENCY_SAME;
    if (!t->ret_is_replayed) {
        change(work, t, run);
    }
    t->ret = run_record_copy(op->arena, &run->record);
    return PG_OK;
}

const struct postgres_op postgres_transition_run = {.want = want, .decide = decide};
