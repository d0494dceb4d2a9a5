#include "storage/op/acquire_runs.h"

#include "base/core/check.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

// $2 are statuses, as bits; $3 is how many.
static const struct pg_statement select_open = {
    "acquire_open",
    "SELECT id FROM run_term WHERE organization=$1::bytea AND is_open"
    " AND (1<<status)&$2::int4<>0 ORDER BY started_at, id LIMIT $3::int8",
};

static const struct pg_statement select_open_of_workflow = {
    "acquire_open_of_workflow",
    "SELECT id FROM run_term WHERE organization=$1::bytea AND is_open"
    " AND (1<<status)&$2::int4<>0 AND workflow_id=$4::bytea"
    " ORDER BY started_at, id LIMIT $3::int8",
};

// $4, if it is not empty, is the workflow; $5 are the ids.
static const struct pg_statement select_open_by_id = {
    "acquire_open_by_id",
    "SELECT id FROM run_term WHERE organization=$1::bytea AND id=ANY($5::bytea[]) AND is_open"
    " AND (1<<status)&$2::int4<>0 AND ($4::bytea=''::bytea OR workflow_id=$4::bytea)"
    " ORDER BY started_at, id LIMIT $3::int8",
};

static enum pg_outcome find_open(struct work *work, const struct store_acquire_runs *q,
                                 const PGresult **ret_ids) {
    const struct pg_statement *statement = q->id_count > 0          ? &select_open_by_id
                                           : q->workflow_id.len > 0 ? &select_open_of_workflow
                                                                    : &select_open;
    struct pg_params p;
    pg_params_init(&p, work_arena(work));
    pg_add_bytes(&p, q->organization);
    pg_add_int4(&p, (int32_t)q->from);
    pg_add_int8(&p, q->limit);
    if (statement != &select_open) {
        pg_add_bytes(&p, q->workflow_id);
    }
    if (statement == &select_open_by_id) {
        pg_add_bytes_array(&p, q->ids, q->id_count);
    }
    return pg_run(work_connection(work), statement, &p, ret_ids);
}

// Gives the holder the runs of ids, in their order, as many as fit.
static void acquire(struct work *work, struct store_acquire_runs *q, const struct slice *ids,
                    int count) {
    const struct work_organization *organization = work_find_organization(work, q->organization);
    size_t bytes = 0;
    q->ret_runs = ARENA_ARRAY(q->op.arena, struct run_record, count);
    for (int i = 0; i < count; i++) {
        struct work_run *run = work_find_run(work, q->organization, ids[i]);
        if (run == NULL || !store_acquire_runs_takes(q, &run->record)) {
            continue; // its row is not as it should be
        }
        if (!store_acquire_runs_fits(q, &run->record, q->ret_count, &bytes)) {
            return;
        }
        struct run_record after = run->record;
        store_acquire_runs_apply(q, &after, organization->attempt_floor);
        work_change_run(work, run, &after, STORE_EVENT_ACQUISITION, &q->cause, 0);
        q->ret_runs[q->ret_count++] = run_record_copy(q->op.arena, &run->record);
    }
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_acquire_runs *q = CONTAINER_OF(op, struct store_acquire_runs, op);
    CHECK(q->limit >= 1 && q->holder.len > 0);
    q->ret_runs = NULL;
    q->ret_count = 0;
    op->result = STORE_OK;
    const PGresult *found = NULL;
    enum pg_outcome outcome = work_flush(work); // which runs are open is read from the tables
    if (outcome == PG_OK) {
        outcome = find_open(work, q, &found);
    }
    if (outcome != PG_OK || pg_row_count(found) == 0) {
        return outcome;
    }
    int count = pg_row_count(found);
    struct slice *ids = ARENA_ARRAY(work_arena(work), struct slice, count);
    for (int i = 0; i < count; i++) {
        ids[i] = pg_copy(work_arena(work), found, i, 0);
        work_want_run(work, q->organization, ids[i]);
    }
    outcome = work_load(work);
    if (outcome == PG_OK) {
        acquire(work, q, ids, count);
    }
    return outcome;
}

const struct postgres_op postgres_acquire_runs = {.decide = decide};
