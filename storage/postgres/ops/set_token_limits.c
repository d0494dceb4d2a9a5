#include "storage/op/set_token_limits.h"

#include "storage/postgres/postgres_op.h"
#include "storage/postgres/token_row.h"

static const struct pg_statement set_limits = {
    "token_set_limits",
    PG_TOKEN_CHANGE_SQL(
        "UPDATE token SET limit_reads=$3::int8, limit_changes=$4::int8, limit_bytes=$5::int8,"
        " limit_streams=$6::int8"
        " WHERE organization=$1::bytea AND name=$2::bytea RETURNING " PG_TOKEN_COLUMNS)};

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_set_token_limits *s = CONTAINER_OF(op, struct store_set_token_limits, op);
    struct pg_params p;
    pg_token_params_init(&p, work, s->organization, s->name);
    pg_token_add_limits(&p, &s->limits);
    return pg_token_row_change(work, &set_limits, &p, op, &s->ret);
}

const struct postgres_op postgres_set_token_limits = {.decide = decide, .is_alone = true};
