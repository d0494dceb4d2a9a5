#include "storage/op/list_ended.h"

#include "base/core/check.h"
#include "storage/postgres/ended_place.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

_Static_assert(STORE_EVENT_DELETION == 7, "the SQL below names its number");
_Static_assert(RUN_SUCCESS == 3 && RUN_CANCELLED == 5, "the SQL below names the final statuses");
_Static_assert(STORE_MOST_ENDED_LOOKS == 4096, "the SQL below names it");

enum { PLACE, ORGANIZATION, ID, AT, REVISION, IS_FROZEN };

// As many as are listed, $3, and one more; where an organization is frozen, as many as are looked
// at, and one more.
#define MOST_SQL "least(4096, CASE WHEN f.any_is_frozen THEN 4096 ELSE $3::int8 END) + 1"

// The order is that of the ends: PostgreSQL has no order of all events. A final run is there for as
// long as the event that made it so is.
static const struct pg_statement select_ends = {
    "list_ended",
    "SELECT e.place, e.organization, e.id, e.at, CASE WHEN e.kind=7 THEN e.revision"
    " ELSE (SELECT r.newest_revision FROM run AS r"
    " WHERE r.organization=e.organization AND r.id=e.id) END,"
    " e.organization IN (SELECT name FROM organization WHERE frozen_at<>0)"
    " FROM (SELECT EXISTS(SELECT 1 FROM organization WHERE frozen_at<>0) AS any_is_frozen) AS f"
    " CROSS JOIN LATERAL (SELECT " PG_EVENT_PLACE_SQL " AS place, organization, id, at, revision,"
    " kind FROM event WHERE " PG_EVENT_IS_END_SQL " AND " PG_EVENT_PLACE_SQL ">$1::int8"
    " AND " PG_EVENT_PLACE_SQL "<$2::int8 ORDER BY " PG_EVENT_PLACE_SQL " LIMIT " MOST_SQL ") AS e",
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
