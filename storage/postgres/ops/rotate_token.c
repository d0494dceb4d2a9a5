#include "storage/op/rotate_token.h"

#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/token_row.h"

static const struct pg_statement has_hash = {"token_has_hash",
                                             "SELECT " PG_TOKEN_HAS_HASH_SQL("$1::bytea")};

// What a rotation changes.
static const struct pg_statement set_secrets = {
    "token_set_secrets",
    PG_TOKEN_CHANGE_SQL(
        "UPDATE token SET hash=$3::bytea, expires_at=$4::int8, last_used_at=$5::int8,"
        " rotations=$6::int8, rotated_at=$7::int8, previous_hash=$8::bytea,"
        " previous_created_at=$9::int8, previous_expires_at=$10::int8,"
        " previous_last_used_at=$11::int8"
        " WHERE organization=$1::bytea AND name=$2::bytea RETURNING name")};

static enum pg_outcome write(struct work *work, const struct token_record *token) {
    const struct token_secret *previous = &token->previous;
    struct pg_params p;
    pg_token_params_init(&p, work, token->organization, token->name);
    pg_token_add_hash(&p, token->hash);
    pg_add_int8(&p, token->expires_at_us);
    pg_add_int8(&p, token->last_used_at_us);
    pg_add_int8(&p, token->rotations);
    pg_add_int8(&p, token->rotated_at_us);
    pg_token_add_hash(&p, previous->hash);
    pg_add_int8(&p, previous->created_at_us);
    pg_add_int8(&p, previous->expires_at_us);
    pg_add_int8(&p, previous->last_used_at_us);
    return pg_run(work_connection(work), &set_secrets, &p, NULL);
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_rotate_token *r = CONTAINER_OF(op, struct store_rotate_token, op);
    bool is_found;
    enum pg_outcome outcome =
        pg_token_row_lock(work, op->arena, r->organization, r->name, &r->ret, &is_found);
    if (outcome != PG_OK || !is_found) {
        op->result = STORE_NOT_FOUND;
        return outcome;
    }
    struct pg_params p;
    const PGresult *taken;
    pg_params_init(&p, work_arena(work));
    pg_token_add_hash(&p, r->hash);
    outcome = pg_run(work_connection(work), &has_hash, &p, &taken);
    if (outcome != PG_OK) {
        return outcome;
    }
    if (pg_bool(taken, 0, 0)) {
        op->result = STORE_EXISTS;
        return PG_OK;
    }
    if (!store_rotate_token_apply(r, &r->ret)) {
        op->result = STORE_CONFLICT;
        return PG_OK;
    }
    op->result = STORE_OK;
    return write(work, &r->ret);
}

const struct postgres_op postgres_rotate_token = {.decide = decide, .is_alone = true};
