#include "storage/op/change_bulk.h"

#include "storage/postgres/bulk_row.h"
#include "storage/postgres/postgres_op.h"

static void want(struct work *work, struct store_op *op) {
    const struct store_change_bulk *c = CONTAINER_OF(op, struct store_change_bulk, op);
    work_want_organization(work, c->organization, false);
    work_want_key(work, &c->idempotency);
}

// Makes the change of the job.
static void change(struct work *work, struct store_change_bulk *c, struct bulk_record *bulk,
                   const struct pg_bulk_row *row) {
    if (c->to == BULK_RUNNING && work_find_organization(work, c->organization)->frozen_at_us != 0) {
        c->op.result = STORE_READ_ONLY;
        return;
    }
    if (!store_change_bulk_apply(c, bulk)) {
        c->op.result = STORE_CONFLICT;
        return;
    }
    pg_bulk_row_queue_update(work, bulk, row);
    work_note_key(work, &c->idempotency, WORK_KEY_OF_BULK, c->organization, bulk->id, c->at_us);
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_change_bulk *c = CONTAINER_OF(op, struct store_change_bulk, op);
    struct slice id = c->id;
    enum idempotency_match match = work_find_key(work, &c->idempotency, &id);
    if (match == IDEMPOTENCY_OTHER) {
        op->result = STORE_KEY_REUSED;
        return PG_OK;
    }
    struct bulk_record bulk;
    struct pg_bulk_row row;
    bool is_found = false;
    enum pg_outcome outcome =
        pg_bulk_row_lock(work, op->arena, c->organization, match == IDEMPOTENCY_SAME ? id : c->id,
                         &bulk, &row, &is_found);
    if (outcome != PG_OK || !is_found) {
        op->result = STORE_NOT_FOUND;
        return outcome;
    }
    op->result = STORE_OK;
    c->ret_is_replayed = match == IDEMPOTENCY_SAME;
    if (!c->ret_is_replayed) {
        change(work, c, &bulk, &row);
    }
    c->ret = bulk;
    return PG_OK;
}

const struct postgres_op postgres_change_bulk = {.want = want, .decide = decide, .is_alone = true};
