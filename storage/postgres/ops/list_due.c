#include "storage/op/list_due.h"

#include "base/core/check.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

// How many runs of frozen organizations one operation passes.
enum { MOST_PASSED = 4096 };
#define MOST_PASSED_SQL "4096"

enum { ANY_IS_FROZEN, ORGANIZATION, ID, DUE_AT, ON_TIMEOUT, IS_FROZEN };

#define DUE_SQL                                                                                    \
    "(SELECT organization, id, due_at, on_timeout,"                                                \
    " organization IN (SELECT name FROM organization WHERE frozen_at<>0) AS is_frozen"             \
    " FROM run_term WHERE due_at<>0 AND due_at>=f.from_us"

// $1 from when, $2 until when, $3 how many and one more: those, and then the first that is later.
// Of none the last columns of the one row are NULL.
static const struct pg_statement select_due = {
    "list_due",
    "SELECT f.any_is_frozen, d.* FROM (SELECT a.any_is_frozen,"
    "  CASE WHEN a.any_is_frozen THEN $1::int8 ELSE 0 END AS from_us"
    "  FROM (SELECT EXISTS(SELECT 1 FROM organization WHERE frozen_at<>0) AS any_is_frozen) AS a"
    "  OFFSET 0) AS f"
    " LEFT JOIN LATERAL (" DUE_SQL " AND due_at<=$2::int8 ORDER BY due_at"
    "  LIMIT $3::int8 + CASE WHEN f.any_is_frozen THEN " MOST_PASSED_SQL " ELSE 0 END)"
    " UNION ALL " DUE_SQL " AND due_at>$2::int8 ORDER BY due_at LIMIT 1)) AS d ON true",
};

static struct store_due read_due(struct arena *a, const PGresult *result, int row) {
    return (struct store_due){
        .organization = pg_copy(a, result, row, ORGANIZATION),
        .id = pg_copy(a, result, row, ID),
        .due_us = pg_int(result, row, DUE_AT),
        .on_timeout = (enum run_status)pg_int(result, row, ON_TIMEOUT),
    };
}

// Takes the rows up to the first one that is not asked for.
static void collect(struct store_list_due *l, const PGresult *result) {
    bool any_is_frozen = pg_bool(result, 0, ANY_IS_FROZEN);
    int rows = pg_is_null(result, 0, ID) ? 0 : pg_row_count(result);
    int passed = 0;
    l->ret_from_us = any_is_frozen ? l->from_us : 0;
    l->ret_due = ARENA_ARRAY(l->op.arena, struct store_due, rows);
    for (int row = 0; row < rows; row++) {
        int64_t due_us = pg_int(result, row, DUE_AT);
        bool is_first = any_is_frozen && l->ret_count == 0; // all before it were passed
        l->ret_from_us = is_first ? due_us : l->ret_from_us;
        if (l->ret_count == l->limit || due_us > l->until_us || passed == MOST_PASSED) {
            l->ret_next_due_us = due_us;
            return;
        }
        if (pg_bool(result, row, IS_FROZEN)) {
            passed++;
        } else {
            l->ret_due[l->ret_count++] = read_due(l->op.arena, result, row);
        }
    }
}

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_list_due *l = CONTAINER_OF(op, struct store_list_due, op);
    struct pg_params params;
    const PGresult *result;
    CHECK(l->limit >= 1);
    pg_params_init(&params, temporary);
    pg_add_int8(&params, l->from_us);
    pg_add_int8(&params, l->until_us);
    pg_add_int8(&params, (int64_t)l->limit + 1);
    enum pg_outcome outcome = pg_run(c, &select_due, &params, &result);
    if (outcome != PG_OK) {
        return outcome;
    }
    op->result = STORE_OK;
    l->ret_count = 0;
    l->ret_next_due_us = 0;
    collect(l, result);
    return PG_OK;
}

const struct postgres_op postgres_list_due = {.read = read_op};
