#include "storage/op/collect_bulk.h"

#include "base/core/check.h"
#include "storage/postgres/bulk_step.h"
#include "storage/postgres/postgres_op.h"
#include "storage/run_spec.h"

// $1 organization; $2, $3 the place to start behind; $4 the newest start; $5 how many; with the
// specs that have the bytes $6 somewhere, unless that is empty: most need not be sent.
#define FIND_SQL(from_active, place)                                                               \
    "SELECT r.id, r.started_at, r.status, r.workflow_id, r.created_revision,"                      \
    " CASE WHEN $6::bytea<>''::bytea THEN (SELECT b.spec FROM run_body AS b"                       \
    " WHERE b.run_key=r.run_key AND position($6::bytea IN b.spec)>0) END"                          \
    " FROM " from_active " AND (" place ")>($2::int8, $3::bytea) ORDER BY " place                  \
    " LIMIT $5::int4"

static const struct pg_statement find_active = {
    "bulk_find_active",
    FIND_SQL("run_active AS t JOIN run AS r ON r.organization=t.organization AND r.id=t.id"
             " WHERE t.organization=$1::bytea AND t.started_at<=$4::int8",
             "t.started_at, t.id")};

// The same, of those that $7 holds.
static const struct pg_statement find_held = {
    "bulk_find_held",
    FIND_SQL("run_term AS t JOIN run AS r ON r.organization=t.organization AND r.id=t.id"
             " WHERE t.organization=$1::bytea AND t.holder=$7::bytea AND t.holder<>''::bytea"
             " AND t.started_at<=$4::int8",
             "t.started_at, t.id")};

static void want(struct work *work, struct store_op *op) {
    const struct store_collect_bulk *c = CONTAINER_OF(op, struct store_collect_bulk, op);
    work_want_organization(work, c->organization, false);
}

// Whether the filter lets the run of the row through as it is now.
static bool is_meant(const struct pg_bulk_step *step, const PGresult *runs, int row) {
    const struct run_filter *f = &step->bulk.filter;
    return pg_int(runs, row, 4) <= step->row.as_of_revision &&
           (RUN_STATUS_BIT(pg_int(runs, row, 2)) & run_filter_statuses(f)) != 0 &&
           (f->workflow_id.len == 0 || slice_equal(pg_bytes(runs, row, 3), f->workflow_id)) &&
           (f->source_run_id.len == 0 ||
            slice_equal(run_spec_source(pg_bytes(runs, row, 5)), f->source_run_id));
}

// Makes items of those of the runs that are meant, and notes in the job's row that all of them were
// looked at.
static enum pg_outcome take(struct pg_bulk_step *step, const PGresult *runs) {
    int count = pg_row_count(runs);
    struct slice *ids = ARENA_ARRAY(work_arena(step->work), struct slice, count);
    int meant = 0;
    for (int i = 0; i < count; i++) {
        if (is_meant(step, runs, i)) {
            ids[meant++] = pg_bytes(runs, i, 0);
        }
    }
    if (count == step->left) {
        step->row.cursor_at_us = pg_int(runs, count - 1, 1);
        step->row.cursor_id = pg_copy(step->arena, runs, count - 1, 0);
    } else {
        step->row.is_collected = true;
        step->row.cursor_id = SLICE_EMPTY;
    }
    step->left -= count;
    return meant > 0 ? pg_bulk_step_add(step, ids, meant, false) : PG_OK;
}

// Looks at as many runs as there is room for.
static enum pg_outcome collect(struct pg_bulk_step *step) {
    const struct run_filter *f = &step->bulk.filter;
    struct pg_params p;
    const PGresult *runs;
    pg_params_init(&p, work_arena(step->work));
    pg_add_bytes(&p, step->bulk.organization);
    pg_add_int8(&p, step->row.cursor_at_us);
    pg_add_bytes(&p, step->row.cursor_id);
    pg_add_int8(&p, bulk_record_newest_start_us(&step->bulk));
    pg_add_int4(&p, step->left);
    pg_add_bytes(&p, f->source_run_id);
    if (f->holder.len > 0) {
        pg_add_bytes(&p, f->holder);
    }
    enum pg_outcome outcome = pg_run(work_connection(step->work),
                                     f->holder.len > 0 ? &find_held : &find_active, &p, &runs);
    return outcome == PG_OK ? take(step, runs) : outcome;
}

static enum pg_outcome step_on(struct pg_bulk_step *step, int64_t at_us) {
    enum pg_outcome outcome = step->row.is_collected ? PG_OK : collect(step);
    if (outcome == PG_OK && step->row.is_collected) {
        outcome = pg_bulk_step_deal(step, BULK_DUE_PLAN);
    }
    if (outcome == PG_OK && step->row.is_collected) {
        outcome = pg_bulk_step_settle(step, at_us);
    }
    if (outcome == PG_OK) {
        pg_bulk_row_queue_update(step->work, &step->bulk, &step->row);
    }
    return outcome;
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_collect_bulk *c = CONTAINER_OF(op, struct store_collect_bulk, op);
    struct pg_bulk_step step = {.work = work, .arena = op->arena, .left = c->most};
    CHECK(c->most >= 1);
    bool is_found = false;
    enum pg_outcome outcome = pg_bulk_step_begin(&step, c->organization, c->id, &is_found);
    if (outcome == PG_OK && is_found && step.bulk.state == BULK_PLANNING) {
        outcome = step_on(&step, c->at_us);
    }
    c->ret = step.bulk;
    op->result = is_found ? STORE_OK : STORE_NOT_FOUND;
    return outcome;
}

const struct postgres_op postgres_collect_bulk = {.want = want, .decide = decide, .is_alone = true};
