#include "storage/op/plan_trim.h"

#include "base/core/check.h"
#include "storage/postgres/damage.h"
#include "storage/postgres/feed_age.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

enum { NAME, NEWEST, FLOOR, AGED };

// $1 the first name, $2 how many and one more.
#define ORGANIZATIONS_SQL                                                                          \
    " FROM (SELECT * FROM organization WHERE name>=$1::bytea ORDER BY name LIMIT $2::int8) AS o"

static const struct pg_statement by_number = {
    "plan_trim_by_number", "SELECT o.name, o.revision, o.floor_revision" ORGANIZATIONS_SQL};

// $3 the instant. Only where the oldest event is too old are others looked at.
static const struct pg_statement by_age = {
    "plan_trim_by_age",
    "SELECT o.name, o.revision, o.floor_revision,"
    " CASE WHEN coalesce((SELECT at>=$3::int8 FROM event WHERE event.organization=o.name"
    "  AND event.revision=o.floor_revision+1), o.revision=o.floor_revision) THEN o.floor_revision"
    "  ELSE (SELECT a.revision FROM (SELECT 1) AS one" PG_FEED_AGE_JOIN(
        "$3::int8") ") END" ORGANIZATIONS_SQL,
};

static enum pg_outcome ask(struct pg_connection *c, struct arena *temporary,
                           const struct store_plan_trim *p, const PGresult **ret_result) {
    bool is_by_age = p->oldest_at_us != INT64_MIN;
    struct pg_params params;
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, p->cursor);
    pg_add_int8(&params, (int64_t)p->limit + 1);
    if (is_by_age) {
        pg_add_int8(&params, p->oldest_at_us);
    }
    return pg_run(c, is_by_age ? &by_age : &by_number, &params, ret_result);
}

// Returns false where an event is missing.
static bool plan(struct store_plan_trim *p, const PGresult *result, int row) {
    int64_t newest = pg_int(result, row, NEWEST);
    int64_t floor = pg_int(result, row, FLOOR);
    int64_t aged = floor;
    if (p->oldest_at_us != INT64_MIN) {
        if (pg_is_null(result, row, AGED)) {
            return false;
        }
        aged = pg_int(result, row, AGED);
    }
    int64_t due = store_plan_trim_floor(p, newest, floor, aged);
    if (due > floor) {
        p->ret_trims[p->ret_count++] =
            (struct store_trim){pg_copy(p->op.arena, result, row, NAME), due};
    }
    return true;
}

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_plan_trim *p = CONTAINER_OF(op, struct store_plan_trim, op);
    const PGresult *result;
    CHECK(p->limit >= 1);
    enum pg_outcome outcome = ask(c, temporary, p, &result);
    if (outcome != PG_OK) {
        return outcome;
    }
    int rows = pg_row_count(result);
    op->result = STORE_OK;
    p->ret_trims = ARENA_ARRAY(op->arena, struct store_trim, rows);
    p->ret_count = 0;
    p->ret_has_more = rows > p->limit;
    p->ret_cursor = p->ret_has_more ? pg_copy(op->arena, result, p->limit, NAME) : SLICE_EMPTY;
    for (int row = 0; row < rows && row < p->limit; row++) {
        if (!plan(p, result, row)) {
            return pg_answer_damage(op, "a feed has a gap");
        }
    }
    return PG_OK;
}

const struct postgres_op postgres_plan_trim = {.read = read_op, .is_long = true};
