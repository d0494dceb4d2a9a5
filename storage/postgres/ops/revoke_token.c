#include "storage/op/revoke_token.h"

#include "storage/postgres/postgres_op.h"
#include "storage/postgres/token_row.h"

static const struct pg_statement revoke = {
    "token_revoke",
    PG_TOKEN_CHANGE_SQL(
        "UPDATE token SET revoked_at=CASE WHEN revoked_at=0 AND scopes&$4::int4=0"
        " THEN greatest($3::int8, created_at, 1) ELSE revoked_at END"
        " WHERE organization=$1::bytea AND name=$2::bytea RETURNING " PG_TOKEN_COLUMNS)};

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_revoke_token *r = CONTAINER_OF(op, struct store_revoke_token, op);
    struct pg_params p;
    pg_token_params_init(&p, work, r->organization, r->name);
    pg_add_int8(&p, r->at_us);
    pg_add_int4(&p, (int32_t)r->spared_scopes);
    enum pg_outcome outcome = pg_token_row_change(work, &revoke, &p, op, &r->ret);
    if (outcome == PG_OK && op->result == STORE_OK && (r->ret.scopes & r->spared_scopes) != 0) {
        op->result = STORE_CONFLICT;
    }
    return outcome;
}

const struct postgres_op postgres_revoke_token = {.decide = decide, .is_alone = true};
