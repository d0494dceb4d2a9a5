#include "storage/op/find_revision.h"

#include "storage/postgres/damage.h"
#include "storage/postgres/feed_age.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

enum { FLOOR, REVISION };

static const struct pg_statement select_revision = {
    "find_revision",
    "SELECT o.floor_revision, a.revision FROM organization AS o" PG_FEED_AGE_JOIN(
        "$2::int8") " WHERE o.name=$1::bytea",
};

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_find_revision *f = CONTAINER_OF(op, struct store_find_revision, op);
    struct pg_params params;
    const PGresult *result;
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, f->organization);
    pg_add_int8(&params, f->at_us);
    enum pg_outcome outcome = pg_run(c, &select_revision, &params, &result);
    if (outcome != PG_OK) {
        return outcome;
    }
    op->result = STORE_OK;
    f->ret_floor = 0;
    f->ret_revision = 0;
    if (pg_row_count(result) == 0) {
        return PG_OK;
    }
    if (pg_is_null(result, 0, REVISION)) {
        return pg_answer_damage(op, "a feed has a gap");
    }
    f->ret_floor = pg_int(result, 0, FLOOR);
    f->ret_revision = pg_int(result, 0, REVISION);
    return PG_OK;
}

const struct postgres_op postgres_find_revision = {.read = read_op};
