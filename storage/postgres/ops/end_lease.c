#include "storage/op/end_lease.h"

#include "storage/postgres/postgres_op.h"

static void want(struct work *work, struct store_op *op) {
    struct store_end_lease *e = CONTAINER_OF(op, struct store_end_lease, op);
    work_want_run(work, e->organization, e->id);
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_end_lease *e = CONTAINER_OF(op, struct store_end_lease, op);
    struct work_run *run = work_find_run(work, e->organization, e->id);
    if (run == NULL) {
        op->result = STORE_NOT_FOUND;
        return PG_OK;
    }
    struct run_record after = run->record;
    bool is_ended = store_end_lease_apply(e, &after);
    bool is_renewed = is_ended && e->kind == STORE_EVENT_LEASE_LOSS && run->renewed_left_us > 0;
    e->ret_left_us = is_renewed ? run->renewed_left_us : 0;
    e->ret_is_stale = run->record.attempt != e->attempt;
    e->ret_revision = 0;
    op->result = STORE_CONFLICT;
    if (is_ended && !is_renewed) {
        op->result = STORE_OK;
        e->ret_revision = work_change_run(work, run, &after, e->kind, &e->cause, 0);
    }
    e->ret = work_copy_run(op->arena, &run->record);
    return PG_OK;
}

const struct postgres_op postgres_end_lease = {.want = want, .decide = decide};
