#include "storage/op/list_bulk_items.h"

#include "base/core/check.h"
#include "storage/postgres/bulk_row.h"
#include "storage/postgres/postgres_op.h"

// How many items one listing looks at before it stops with has_more.
enum { SCAN_LIMIT = 10000 };
#define SCAN_LIMIT_SQL "10000"

enum { NTH, ID, OUTCOME };

// Each item that is wanted, and the last one that is looked at; one row of NULLs where there is
// none, and no row where there is no such job. $3 the id to start behind, $4 the outcomes, $5 how
// many and one more.
static const struct pg_statement select_items = {
    "list_bulk_items",
    "SELECT i.nth, i.id, i.outcome FROM (SELECT bulk_key FROM bulk WHERE organization=$1::bytea"
    "  AND id=$2::bytea AND " PG_BULK_IS_THERE_SQL ") AS b"
    " LEFT JOIN LATERAL (SELECT s.*, row_number() OVER () AS nth FROM ("
    "   SELECT id, outcome FROM bulk_item WHERE bulk_key=b.bulk_key AND id>$3::bytea"
    "   ORDER BY bulk_key, id LIMIT " SCAN_LIMIT_SQL ") AS s OFFSET 0) AS i"
    "  ON (1 << i.outcome) & $4::int4<>0 OR i.nth=" SCAN_LIMIT_SQL " LIMIT $5::int8",
};

static bool is_wanted(const struct store_list_bulk_items *l, int64_t outcome) {
    return (BULK_OUTCOME_BIT((unsigned)outcome & 31u) & l->outcomes) != 0;
}

static void collect(struct store_list_bulk_items *l, const PGresult *result) {
    int rows = pg_is_null(result, 0, ID) ? 0 : pg_row_count(result);
    l->ret_items = ARENA_ARRAY(l->op.arena, struct store_bulk_item, rows);
    for (int row = 0; row < rows; row++) {
        struct slice id = pg_copy(l->op.arena, result, row, ID);
        int64_t outcome = pg_int(result, row, OUTCOME);
        if (l->ret_count == l->limit) {
            l->ret_has_more = true;
            l->ret_after = l->ret_items[l->ret_count - 1].id;
            return;
        }
        if (is_wanted(l, outcome)) {
            l->ret_items[l->ret_count++] =
                (struct store_bulk_item){.id = id, .outcome = (enum bulk_outcome)outcome};
        }
        if (pg_int(result, row, NTH) == SCAN_LIMIT) {
            l->ret_has_more = true;
            l->ret_after = id;
        }
    }
}

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_list_bulk_items *l = CONTAINER_OF(op, struct store_list_bulk_items, op);
    struct pg_params params;
    const PGresult *result;
    CHECK(l->limit >= 1);
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, l->organization);
    pg_add_bytes(&params, l->id);
    pg_add_bytes(&params, l->after);
    pg_add_int4(&params, (int32_t)l->outcomes);
    pg_add_int8(&params, (int64_t)l->limit + 1);
    enum pg_outcome outcome = pg_run(c, &select_items, &params, &result);
    if (outcome != PG_OK) {
        return outcome;
    }
    l->ret_items = NULL;
    l->ret_count = 0;
    l->ret_has_more = false;
    op->result = STORE_NOT_FOUND;
    if (pg_row_count(result) > 0) {
        op->result = STORE_OK;
        collect(l, result);
    }
    return PG_OK;
}

const struct postgres_op postgres_list_bulk_items = {.read = read_op, .is_long = true};
