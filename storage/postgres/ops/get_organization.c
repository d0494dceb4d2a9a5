#include "storage/op/get_organization.h"

#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

enum { TOKENS, REVISION, FLOOR, FROZEN_AT, STORED_BYTES, FIRST_OF_COUNTS };

// Always one row; that of an organization without events has NULLs.
static const struct pg_statement select_organization = {
    "get_organization",
    "SELECT (SELECT count(*) FROM token WHERE organization=$1::bytea), o.revision,"
    " o.floor_revision, o.frozen_at, o.stored_bytes, o.running, o.waiting, o.success, o.failure,"
    " o.cancelled FROM (SELECT 1) AS one LEFT JOIN organization AS o ON o.name=$1::bytea",
};

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_get_organization *g = CONTAINER_OF(op, struct store_get_organization, op);
    struct pg_params params;
    const PGresult *result;
    pg_params_init(&params, temporary);
    pg_add_bytes(&params, g->name);
    enum pg_outcome outcome = pg_run(c, &select_organization, &params, &result);
    if (outcome != PG_OK) {
        return outcome;
    }
    g->ret = (struct store_organization){
        .revision = pg_int(result, 0, REVISION),
        .floor = pg_int(result, 0, FLOOR),
        .frozen_at_us = pg_int(result, 0, FROZEN_AT),
        .stored_bytes = pg_int(result, 0, STORED_BYTES),
        .tokens = pg_int(result, 0, TOKENS),
    };
    for (int status = 1; status < RUN_STATUS_COUNT; status++) {
        g->ret.runs[status] = pg_int(result, 0, FIRST_OF_COUNTS + status - 1);
    }
    op->result = g->ret.revision > 0 || g->ret.tokens > 0 ? STORE_OK : STORE_NOT_FOUND;
    return PG_OK;
}

const struct postgres_op postgres_get_organization = {.read = read_op};
