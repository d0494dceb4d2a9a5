#include "storage/op/delete_run.h"

#include "storage/postgres/postgres_op.h"
#include "storage/postgres/run_deletion.h"

static void want(struct work *work, struct store_op *op) {
    const struct store_delete_run *d = CONTAINER_OF(op, struct store_delete_run, op);
    work_want_run(work, d->organization, d->id);
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_delete_run *d = CONTAINER_OF(op, struct store_delete_run, op);
    struct work_run *run = work_find_run(work, d->organization, d->id);
    if (run == NULL) {
        op->result = STORE_NOT_FOUND;
        return PG_OK;
    }
    d->ret = run_record_copy(op->arena, &run->record);
    d->ret_revision = 0;
    d->ret_is_pending = false;
    op->result = STORE_CONFLICT;
    if (run_status_is_active(run->record.status)) {
        return PG_OK;
    }
    struct run_record gone = store_delete_run_record(d, &run->record);
    d->ret_revision = work_bury_run(work, run, &gone, &d->cause);
    op->result = STORE_OK;
    return pg_run_deletion_follow(work, d->organization, &d->id, 1);
}

const struct postgres_op postgres_delete_run = {.want = want, .decide = decide, .is_alone = true};
