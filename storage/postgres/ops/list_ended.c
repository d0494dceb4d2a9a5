#include "storage/op/list_ended.h"

#include "base/core/check.h"
#include "storage/postgres/ended_place.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

_Static_assert(STORE_EVENT_DELETION == 7, "the SQL below names its number");
_Static_assert(RUN_SUCCESS == 3 && RUN_CANCELLED == 5, "the SQL below names the final statuses");
_Static_assert(STORE_MOST_ENDED_LOOKS == 4096, "the SQL below names it");

enum { PLACE, ORGANIZATION, ID, AT, REVISION, IS_FROZEN };

// Of the rows of table in the order of their places, behind $1 and before $2, the first ones.
#define ENDS_SQL(table, place, at, revision, condition)                                            \
    "(SELECT " place " AS place, organization, id, " at " AS at, " revision " AS revision"         \
    " FROM " table " WHERE " condition " AND " place ">$1::int8 AND " place "<$2::int8"            \
    " ORDER BY " place " LIMIT " MOST_SQL ")"

// As many as are listed, $3, and one more; where an organization is frozen, as many as are looked
// at, and one more.
#define MOST_SQL "least(4096, CASE WHEN f.any_is_frozen THEN 4096 ELSE $3::int8 END) + 1"

// The order is that of the ends: PostgreSQL has no order of all events.
static const struct pg_statement select_ends = {
    "list_ended",
    "SELECT e.*, e.organization IN (SELECT name FROM organization WHERE frozen_at<>0)"
    " FROM (SELECT EXISTS(SELECT 1 FROM organization WHERE frozen_at<>0) AS any_is_frozen) AS f"
    " CROSS JOIN LATERAL (SELECT * FROM ("                                                    //
    ENDS_SQL("run", PG_RUN_PLACE_SQL, "updated_at", "newest_revision", "status IN (3, 4, 5)") //
    " UNION ALL "                                                                             //
    ENDS_SQL("event", PG_EVENT_PLACE_SQL, "at", "revision", "kind=7")                         //
    ") AS u ORDER BY u.place LIMIT " MOST_SQL ") AS e",
};

// Lists the rows up to the first one that is too many, which tells that there is more.
static void collect(struct store_list_ended *l, const PGresult *result) {
    int rows = pg_row_count(result);
    l->ret_runs = ARENA_ARRAY(l->op.arena, struct store_ended_run, rows);
    for (int row = 0; row < rows; row++) {
        if (row == STORE_MOST_ENDED_LOOKS || l->ret_count == l->limit) {
            l->ret_has_more = true;
            return;
        }
        l->ret_cursor = pg_int(result, row, PLACE);
        if (!pg_bool(result, row, IS_FROZEN)) {
            l->ret_runs[l->ret_count++] = (struct store_ended_run){
                .organization = pg_copy(l->op.arena, result, row, ORGANIZATION),
                .id = pg_copy(l->op.arena, result, row, ID),
                .finished_at_us = pg_int(result, row, AT),
                .newest_revision = pg_int(result, row, REVISION),
            };
        }
    }
}

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_list_ended *l = CONTAINER_OF(op, struct store_list_ended, op);
    struct pg_params params;
    const PGresult *result;
    CHECK(l->limit >= 1);
    pg_params_init(&params, temporary);
    pg_add_int8(&params, l->cursor);
    pg_add_int8(&params, pg_place_of(l->finished_before_us));
    pg_add_int8(&params, l->limit);
    enum pg_outcome outcome = pg_run(c, &select_ends, &params, &result);
    if (outcome != PG_OK) {
        return outcome;
    }
    op->result = STORE_OK;
    l->ret_count = 0;
    l->ret_cursor = l->cursor;
    l->ret_has_more = false;
    collect(l, result);
    return PG_OK;
}

const struct postgres_op postgres_list_ended = {.read = read_op, .is_long = true};
