#include "storage/op/list_bulks.h"

#include "base/core/check.h"
#include "storage/postgres/bulk_row.h"
#include "storage/postgres/postgres_op.h"

// $2, $3 the place to start behind; $4 how many, and one more.
static const struct pg_statement select_bulks = {
    "list_bulks",
    "SELECT " PG_BULK_COLUMNS " FROM bulk WHERE organization=$1::bytea AND " PG_BULK_IS_THERE_SQL
    " AND (created_at, id)<($2::int8, $3::bytea)"
    " ORDER BY organization DESC, created_at DESC, id DESC LIMIT $4::int8",
};

static void collect(struct store_list_bulks *l, const PGresult *result) {
    int rows = pg_row_count(result);
    l->ret_has_more = rows > l->limit;
    l->ret_count = l->ret_has_more ? l->limit : rows;
    l->ret_bulks = ARENA_ARRAY(l->op.arena, struct bulk_record, l->ret_count);
    for (int i = 0; i < l->ret_count; i++) {
        pg_bulk_row_read(l->op.arena, result, i, &l->ret_bulks[i], NULL);
    }
    if (l->ret_has_more) {
        const struct bulk_record *last = &l->ret_bulks[l->limit - 1];
        l->ret_cursor = (struct store_bulk_cursor){last->created_at_us, last->id};
    }
}

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_list_bulks *l = CONTAINER_OF(op, struct store_list_bulks, op);
    struct pg_params params;
    const PGresult *result;
    CHECK(l->limit >= 1);
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, l->organization);
    pg_add_int8(&params, l->has_cursor ? l->cursor.created_at_us : INT64_MAX);
    pg_add_bytes(&params, l->has_cursor ? l->cursor.id : SLICE_EMPTY);
    pg_add_int8(&params, (int64_t)l->limit + 1);
    enum pg_outcome outcome = pg_run(c, &select_bulks, &params, &result);
    if (outcome == PG_OK) {
        op->result = STORE_OK;
        collect(l, result);
    }
    return outcome;
}

const struct postgres_op postgres_list_bulks = {.read = read_op};
