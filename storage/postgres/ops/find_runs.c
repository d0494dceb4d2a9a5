#include "storage/op/find_runs.h"

#include "base/core/check.h"
#include "storage/postgres/damage.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

enum { PLACE, STATUS, ATTEMPT, HOLDER, UPDATED_AT, STOPPED_AT, LEASE, HAS_ENDING, ACTOR, REASON };

// $2 the ids; place counts them from 1. What is not there has no row.
static const struct pg_statement select_runs = {
    "find_runs",
    "SELECT w.place, r.status, r.attempt, t.holder, r.updated_at, t.stopped_at, t.lease,"
    " e.revision IS NOT NULL, e.actor, e.reason"
    " FROM unnest($2::bytea[]) WITH ORDINALITY AS w(id, place)"
    " CROSS JOIN LATERAL (SELECT * FROM run WHERE run.organization=$1::bytea AND run.id=w.id"
    "  OFFSET 0) AS r"
    " LEFT JOIN LATERAL (SELECT holder, lease, stopped_at FROM run_term WHERE r.has_terms"
    "  AND run_term.organization=r.organization AND run_term.id=r.id OFFSET 0) AS t ON true"
    " LEFT JOIN LATERAL (SELECT revision, actor, reason FROM event WHERE r.ended_revision<>0"
    "  AND event.organization=r.organization AND event.revision=r.ended_revision OFFSET 0) AS e"
    "  ON true",
};

// Reads a row; false: it is that of no sound run.
static bool read_found(const struct store_find_runs *f, const PGresult *result, int row) {
    struct arena *a = f->op.arena;
    enum run_status status = (enum run_status)pg_int(result, row, STATUS);
    f->ret[pg_int(result, row, PLACE) - 1] = (struct store_found_run){
        .is_there = true,
        .status = status,
        .attempt = pg_int(result, row, ATTEMPT),
        .holder = pg_copy(a, result, row, HOLDER),
        .finished_at_us = run_finished_at_us(status, pg_int(result, row, UPDATED_AT)),
        .stopped_at_us = pg_int(result, row, STOPPED_AT),
        .lease_us = pg_int(result, row, LEASE),
        .actor = pg_copy(a, result, row, ACTOR),
        .reason = pg_copy(a, result, row, REASON),
    };
    return status >= RUN_RUNNING && status <= RUN_CANCELLED &&
           run_status_is_active(status) != pg_bool(result, row, HAS_ENDING);
}

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_find_runs *f = CONTAINER_OF(op, struct store_find_runs, op);
    struct pg_params params;
    const PGresult *result;
    CHECK(f->count <= STORE_FIND_RUNS_MAX);
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, f->organization);
    pg_add_bytes_array(&params, f->ids, f->count);
    enum pg_outcome outcome = pg_run(c, &select_runs, &params, &result);
    if (outcome != PG_OK) {
        return outcome;
    }
    op->result = STORE_OK;
    f->ret = ARENA_ARRAY(op->arena, struct store_found_run, f->count);
    for (int row = 0; row < pg_row_count(result); row++) {
        if (!read_found(f, result, row)) {
            return pg_answer_damage(op, "a run has no sound row, or no event that ended it");
        }
    }
    return PG_OK;
}

const struct postgres_op postgres_find_runs = {.read = read_op, .is_long = true};
