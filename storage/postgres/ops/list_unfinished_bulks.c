#include "storage/op/list_unfinished_bulks.h"

#include "base/core/check.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

_Static_assert(BULK_PLANNING == 1 && BULK_RUNNING == 3, "the SQL below names these states");

enum { KEY, ORGANIZATION, ID, STATE };

// $1 behind which job, $2 how many and one more.
static const struct pg_statement select_bulks = {
    "list_unfinished_bulks",
    "SELECT bulk_key, organization, id, state FROM bulk WHERE bulk_key>$1::int8"
    " AND state IN (1, 3)"
    " AND organization NOT IN (SELECT name FROM organization WHERE frozen_at<>0)"
    " ORDER BY bulk_key LIMIT $2::int8",
};

static void collect(struct store_list_unfinished_bulks *l, const PGresult *result) {
    struct arena *a = l->op.arena;
    int rows = pg_row_count(result);
    l->ret_has_more = rows > l->limit;
    l->ret_count = l->ret_has_more ? l->limit : rows;
    l->ret_bulks = ARENA_ARRAY(a, struct store_unfinished_bulk, l->ret_count);
    for (int i = 0; i < l->ret_count; i++) {
        l->ret_bulks[i] = (struct store_unfinished_bulk){
            .organization = pg_copy(a, result, i, ORGANIZATION),
            .id = pg_copy(a, result, i, ID),
            .state = (enum bulk_state)pg_int(result, i, STATE),
        };
        l->ret_position = pg_int(result, i, KEY);
    }
}

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_list_unfinished_bulks *l =
        CONTAINER_OF(op, struct store_list_unfinished_bulks, op);
    struct pg_params params;
    const PGresult *result;
    CHECK(l->limit >= 1);
    pg_params_init(&params, temporary);
    pg_add_int8(&params, l->position);
    pg_add_int8(&params, (int64_t)l->limit + 1);
    enum pg_outcome outcome = pg_run(c, &select_bulks, &params, &result);
    if (outcome == PG_OK) {
        op->result = STORE_OK;
        collect(l, result);
    }
    return outcome;
}

const struct postgres_op postgres_list_unfinished_bulks = {.read = read_op};
