#include "storage/op/run_bulk.h"

#include "base/core/check.h"
#include "storage/postgres/bulk_step.h"
#include "storage/postgres/postgres_op.h"

static void cancel(struct pg_bulk_step *step, struct work_run *run) {
    struct store_run_bulk *r = step->context;
    struct run_record after = run->record;
    run_record_become(&after, RUN_CANCELLED, r->at_us);
    r->ret_ended[r->ret_ended_count++] = (struct store_bulk_ended){
        .id = arena_copy(step->arena, run->record.id),
        .attempt = run->record.attempt,
        .holder = arena_copy(step->arena, run->record.holder),
    };
    work_change_run(step->work, run, &after, STORE_EVENT_TRANSITION, &step->bulk.cause, 0);
}

static void want(struct work *work, struct store_op *op) {
    const struct store_run_bulk *r = CONTAINER_OF(op, struct store_run_bulk, op);
    work_want_organization(work, r->organization, false);
}

static enum pg_outcome step_on(struct pg_bulk_step *step, int64_t at_us) {
    bool is_over = false;
    enum pg_outcome outcome = pg_bulk_step_deal(step, BULK_DUE_RUN);
    if (outcome == PG_OK) {
        outcome = pg_bulk_step_is_over(step, BULK_DUE_RUN, &is_over);
    }
    if (outcome == PG_OK && is_over) {
        bulk_record_become(&step->bulk, BULK_DONE, at_us);
    }
    if (outcome == PG_OK) {
        pg_bulk_row_queue_update(step->work, &step->bulk, &step->row);
    }
    return outcome;
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_run_bulk *r = CONTAINER_OF(op, struct store_run_bulk, op);
    struct pg_bulk_step step = {
        .work = work, .arena = op->arena, .left = r->most, .cancel = cancel, .context = r};
    CHECK(r->most >= 1);
    r->ret_ended = ARENA_ARRAY(op->arena, struct store_bulk_ended, r->most);
    r->ret_ended_count = 0;
    bool is_found = false;
    enum pg_outcome outcome = pg_bulk_step_begin(&step, r->organization, r->id, &is_found);
    if (outcome == PG_OK && is_found && step.bulk.state == BULK_RUNNING) {
        outcome = step_on(&step, r->at_us);
    }
    r->ret = step.bulk;
    op->result = is_found ? STORE_OK : STORE_NOT_FOUND;
    return outcome;
}

const struct postgres_op postgres_run_bulk = {.want = want, .decide = decide, .is_alone = true};
