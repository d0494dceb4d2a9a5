#include "storage/op/stop_run.h"

#include "storage/postgres/postgres_op.h"

static void want(struct work *work, struct store_op *op) {
    struct store_stop_run *s = CONTAINER_OF(op, struct store_stop_run, op);
    work_want_run(work, s->organization, s->id);
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_stop_run *s = CONTAINER_OF(op, struct store_stop_run, op);
    struct work_run *run = work_find_run(work, s->organization, s->id);
    if (run == NULL) {
        op->result = STORE_NOT_FOUND;
        return PG_OK;
    }
    struct run_record after = run->record;
    op->result = store_stop_run_apply(s, &after) ? STORE_OK : STORE_CONFLICT;
    s->ret_is_stale = run->record.attempt != s->attempt;
    s->ret_revision = 0;
    if (after.sequence != run->record.sequence) {
        s->ret_revision = work_change_run(work, run, &after, STORE_EVENT_STOP, &s->cause, 0);
    }
    s->ret = run_record_copy(op->arena, &run->record);
    return PG_OK;
}

const struct postgres_op postgres_stop_run = {.want = want, .decide = decide};
