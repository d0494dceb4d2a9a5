#include "storage/op/get_bulk.h"

#include "storage/postgres/bulk_row.h"
#include "storage/postgres/postgres_op.h"

_Static_assert(BULK_OPEN == 0 && BULK_DUE_PLAN == 1 && BULK_DUE_RUN == 2, "the SQL names these");

// The column behind those of the job.
enum { SAMPLE = 30 };

// What is open is due. $3 how many.
#define SAMPLE_SQL(due)                                                                            \
    "(SELECT id AS item FROM bulk_item WHERE bulk_key=b.bulk_key AND due=" due " AND outcome=0"    \
    " ORDER BY due, outcome, id LIMIT $3::int8)"

// The job with each of its sample; with NULL where that is empty.
static const struct pg_statement select_bulk = {
    "get_bulk",
    "SELECT b.*, s.item FROM (SELECT " PG_BULK_COLUMNS " FROM bulk WHERE organization=$1::bytea"
    "  AND id=$2::bytea AND " PG_BULK_IS_THERE_SQL
    ") AS b LEFT JOIN LATERAL (SELECT * FROM (" SAMPLE_SQL("2") " UNION ALL " SAMPLE_SQL(
        "1") ") AS i LIMIT $3::int8) AS s ON true",
};

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_get_bulk *g = CONTAINER_OF(op, struct store_get_bulk, op);
    struct pg_params params;
    const PGresult *result;
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, g->organization);
    pg_add_bytes(&params, g->id);
    pg_add_int8(&params, g->sample);
    enum pg_outcome outcome = pg_run(c, &select_bulk, &params, &result);
    if (outcome != PG_OK) {
        return outcome;
    }
    int rows = pg_row_count(result);
    op->result = rows > 0 ? STORE_OK : STORE_NOT_FOUND;
    g->ret_sample_count = 0;
    g->ret_sample = ARENA_ARRAY(op->arena, struct slice, rows);
    if (rows > 0) {
        pg_bulk_row_read(op->arena, result, 0, &g->ret, NULL);
    }
    for (int row = 0; row < rows && !pg_is_null(result, row, SAMPLE); row++) {
        g->ret_sample[g->ret_sample_count++] = pg_copy(op->arena, result, row, SAMPLE);
    }
    return PG_OK;
}

const struct postgres_op postgres_get_bulk = {.read = read_op};
