#include "storage/op/create_bulk.h"

#include "base/core/check.h"
#include "storage/postgres/bulk_step.h"
#include "storage/postgres/postgres_op.h"

// Whether the id is taken, also by a job that is being removed, and how many jobs may still go on.
static const struct pg_statement look = {
    "bulk_look", "SELECT EXISTS(SELECT 1 FROM bulk WHERE organization=$1::bytea AND id=$2::bytea),"
                 " (SELECT count(*) FROM (SELECT 1 FROM bulk WHERE organization=$1::bytea"
                 " AND state IN (1, 2, 3) LIMIT $3::int4) AS unfinished)"};

// The row of an organization without one is made: whoever creates a job holds it.
static void want(struct work *work, struct store_op *op) {
    const struct store_create_bulk *c = CONTAINER_OF(op, struct store_create_bulk, op);
    work_want_organization(work, c->in.organization, true);
    work_want_key(work, &c->idempotency);
}

// Finds why the job cannot be created: op's result, STORE_OK if it can.
static enum pg_outcome check(struct work *work, struct store_create_bulk *c) {
    struct pg_params p;
    const PGresult *found;
    pg_params_init(&p, work_arena(work));
    pg_add_bytes(&p, c->in.organization);
    pg_add_bytes(&p, c->in.id);
    pg_add_int4(&p, c->most_unfinished);
    enum pg_outcome outcome = pg_run(work_connection(work), &look, &p, &found);
    if (outcome == PG_OK) {
        c->op.result = pg_bool(found, 0, 0)                        ? STORE_EXISTS
                       : pg_int(found, 0, 1) >= c->most_unfinished ? STORE_CONFLICT
                                                                   : STORE_OK;
    }
    return outcome;
}

// Makes the items of a job whose runs were named.
static enum pg_outcome add_runs(struct pg_bulk_step *step, const struct store_create_bulk *c) {
    enum pg_outcome outcome =
        pg_bulk_step_add(step, c->ids, c->id_count, store_create_bulk_judges(c));
    step->row.is_collected = true;
    if (outcome == PG_OK) {
        outcome = pg_bulk_step_settle(step, c->in.created_at_us);
    }
    if (outcome == PG_OK) {
        pg_bulk_row_queue_update(step->work, &step->bulk, &step->row);
    }
    return outcome;
}

static enum pg_outcome create(struct work *work, struct store_create_bulk *c) {
    enum pg_outcome outcome = check(work, c);
    if (outcome != PG_OK || c->op.result != STORE_OK) {
        return outcome;
    }
    int64_t after_us = c->in.filter.started_after_us;
    struct pg_bulk_step step = {
        .work = work,
        .arena = c->op.arena,
        .bulk = store_create_bulk_record(c),
        .row = {.cursor_at_us = after_us == 0 ? INT64_MIN : run_instant_after(after_us, 1),
                .as_of_revision = work_find_organization(work, c->in.organization)->revision},
    };
    outcome = pg_bulk_row_insert(work, &step.bulk, &step.row);
    if (outcome == PG_OK && !step.bulk.has_filter) {
        outcome = add_runs(&step, c);
    }
    work_note_key(work, &c->idempotency, WORK_KEY_OF_BULK, c->in.organization, c->in.id,
                  c->in.created_at_us);
    c->ret = step.bulk;
    return outcome;
}

// Answers what was answered before, with the job as it is now. If it is being removed its key is
// gone as soon as that is committed.
static enum pg_outcome replay(struct work *work, struct store_create_bulk *c, struct slice id) {
    struct pg_bulk_row row;
    bool is_found = false;
    enum pg_outcome outcome =
        pg_bulk_row_lock(work, c->op.arena, c->in.organization, id, &c->ret, &row, &is_found);
    c->op.result = STORE_OK;
    return outcome == PG_OK && !is_found ? PG_AGAIN : outcome;
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_create_bulk *c = CONTAINER_OF(op, struct store_create_bulk, op);
    struct slice id;
    CHECK(c->id_count <= STORE_MOST_BULK_IDS);
    enum idempotency_match match = work_find_key(work, &c->idempotency, &id);
    c->ret_is_replayed = match == IDEMPOTENCY_SAME;
    if (match == IDEMPOTENCY_SAME) {
        return replay(work, c, id);
    }
    op->result = STORE_KEY_REUSED;
    return match == IDEMPOTENCY_NEW ? create(work, c) : PG_OK;
}

const struct postgres_op postgres_create_bulk = {.want = want, .decide = decide, .is_alone = true};
