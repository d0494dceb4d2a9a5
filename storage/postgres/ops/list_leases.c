#include "storage/op/list_leases.h"

#include "base/core/check.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

enum { ORGANIZATION, ID, ATTEMPT, HOLDER, LEASE, STARTED_AT };

// $1 to $4 the place to start behind; whoever holds a run has a name, so that all leases are behind
// a place of nothing. $5 how many, and one more.
static const struct pg_statement select_leases = {
    "list_leases",
    "SELECT t.organization, t.id, r.attempt, t.holder, t.lease, t.started_at"
    " FROM (SELECT * FROM run_term WHERE holder<>''::bytea AND (organization, holder, started_at,"
    "  id)>($1::bytea, $2::bytea, $3::int8, $4::bytea)"
    "  ORDER BY organization, holder, started_at, id LIMIT $5::int8) AS t"
    " CROSS JOIN LATERAL (SELECT attempt FROM run WHERE run.organization=t.organization"
    "  AND run.id=t.id OFFSET 0) AS r",
};

static void add_params(struct pg_params *params, const struct store_list_leases *l) {
    struct store_lease_cursor cursor =
        l->has_cursor ? l->cursor : (struct store_lease_cursor){.started_at_us = 0};
    pg_add_bytes(params, cursor.organization);
    pg_add_bytes(params, cursor.holder);
    pg_add_int8(params, cursor.started_at_us);
    pg_add_bytes(params, cursor.id);
    pg_add_int8(params, (int64_t)l->limit + 1);
}

static struct store_lease read_lease(struct arena *a, const PGresult *result, int row) {
    return (struct store_lease){
        .organization = pg_copy(a, result, row, ORGANIZATION),
        .id = pg_copy(a, result, row, ID),
        .attempt = pg_int(result, row, ATTEMPT),
        .holder = pg_copy(a, result, row, HOLDER),
        .lease_us = pg_int(result, row, LEASE),
    };
}

static void collect(struct store_list_leases *l, const PGresult *result) {
    int rows = pg_row_count(result);
    l->ret_has_more = rows > l->limit;
    l->ret_count = l->ret_has_more ? l->limit : rows;
    l->ret_leases = ARENA_ARRAY(l->op.arena, struct store_lease, l->ret_count);
    for (int i = 0; i < l->ret_count; i++) {
        l->ret_leases[i] = read_lease(l->op.arena, result, i);
    }
    if (l->ret_has_more) {
        const struct store_lease *last = &l->ret_leases[l->limit - 1];
        l->ret_cursor = (struct store_lease_cursor){
            last->organization, last->holder, pg_int(result, l->limit - 1, STARTED_AT), last->id};
    }
}

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_list_leases *l = CONTAINER_OF(op, struct store_list_leases, op);
    struct pg_params params;
    const PGresult *result;
    CHECK(l->limit >= 1);
    pg_params_init(&params, temporary);
    add_params(&params, l);
    enum pg_outcome outcome = pg_run(c, &select_leases, &params, &result);
    if (outcome == PG_OK) {
        op->result = STORE_OK;
        collect(l, result);
    }
    return outcome;
}

const struct postgres_op postgres_list_leases = {.read = read_op, .is_long = true};
