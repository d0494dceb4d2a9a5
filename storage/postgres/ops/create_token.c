#include "storage/op/create_token.h"

#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/token_row.h"

static const struct pg_statement find_by_hash = {
    "token_find_by_hash", "SELECT " PG_TOKEN_COLUMNS " FROM token WHERE (organization, name) IN"
                          " (SELECT organization, name FROM token WHERE hash=$1::bytea UNION"
                          " SELECT organization, name FROM token WHERE previous_hash=$1::bytea)"
                          " FOR UPDATE"};

static const struct pg_statement set_hashes = {
    "token_set_hashes",
    PG_TOKEN_CHANGE_SQL("UPDATE token SET hash=$3::bytea, previous_hash="
                        "CASE WHEN previous_hash IS NOT NULL THEN $4::bytea END"
                        " WHERE organization=$1::bytea AND name=$2::bytea RETURNING name")};

// Nothing where the name is taken, or one of the hash is there.
static const struct pg_statement insert_token = {
    "token_insert",
    PG_TOKEN_CHANGE_SQL(
        "INSERT INTO token(organization, name, client_san, hash, scopes, created_at, expires_at,"
        " revoked_at, limit_reads, limit_changes, limit_bytes, limit_streams, last_used_at,"
        " rotations, rotated_at, previous_created_at, previous_expires_at, previous_last_used_at,"
        " denials, refusals) SELECT $1::bytea, $2::bytea, $3::bytea, $4::bytea, $5::int4, $6::int8,"
        " $7::int8, $8::int8, $9::int8, $10::int8, $11::int8, $12::int8, 0, 0, 0, 0, 0, 0, 0, 0"
        " WHERE NOT " PG_TOKEN_HAS_HASH_SQL("$4::bytea") " ON CONFLICT DO NOTHING RETURNING name")};

// Takes the client name away from other, which it was given to, where it is free again.
static enum pg_outcome retire(struct work *work, struct store_create_token *c, bool *ret_is_free) {
    struct token_record *other = &c->ret_other;
    *ret_is_free = store_create_token_retire(c, other);
    if (!*ret_is_free) {
        return PG_OK;
    }
    struct pg_params p;
    pg_token_params_init(&p, work, other->organization, other->name);
    pg_token_add_hash(&p, other->hash);
    pg_token_add_hash(&p, other->previous.hash);
    return pg_run(work_connection(work), &set_hashes, &p, NULL);
}

// Makes the client name of c free, if it has one. *ret_is_taken: it is another token's, or the
// token's own name is.
static enum pg_outcome free_client(struct work *work, struct store_create_token *c,
                                   bool *ret_is_taken) {
    struct token_record own;
    enum pg_outcome outcome = pg_token_row_lock(work, work_arena(work), c->in.organization,
                                                c->in.name, &own, ret_is_taken);
    if (outcome != PG_OK || *ret_is_taken) {
        return outcome;
    }
    struct pg_params p;
    const PGresult *others;
    pg_params_init(&p, work_arena(work));
    pg_token_add_hash(&p, c->in.hash);
    outcome = pg_run(work_connection(work), &find_by_hash, &p, &others);
    if (outcome != PG_OK || pg_row_count(others) == 0) {
        return outcome;
    }
    bool is_free;
    c->ret_other = pg_token_row_read(c->op.arena, others, 0);
    outcome = retire(work, c, &is_free);
    *ret_is_taken = !is_free;
    return outcome;
}

static enum pg_outcome insert(struct work *work, const struct token_record *token,
                              bool *ret_is_taken) {
    struct pg_params p;
    const PGresult *inserted;
    pg_token_params_init(&p, work, token->organization, token->name);
    pg_add_bytes(&p, token->client_san);
    pg_token_add_hash(&p, token->hash);
    pg_add_int4(&p, (int32_t)token->scopes);
    pg_add_int8(&p, token->created_at_us);
    pg_add_int8(&p, token->expires_at_us);
    pg_add_int8(&p, token->revoked_at_us);
    pg_token_add_limits(&p, &token->limits);
    enum pg_outcome outcome = pg_run(work_connection(work), &insert_token, &p, &inserted);
    if (outcome == PG_OK) {
        *ret_is_taken = pg_row_count(inserted) == 0;
    }
    return outcome;
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_create_token *c = CONTAINER_OF(op, struct store_create_token, op);
    bool is_taken = false;
    c->ret_other.name = SLICE_EMPTY;
    enum pg_outcome outcome = c->in.client_san.len > 0 ? free_client(work, c, &is_taken) : PG_OK;
    if (outcome == PG_OK && !is_taken) {
        outcome = insert(work, &c->in, &is_taken);
    }
    op->result = is_taken ? STORE_EXISTS : STORE_OK;
    return outcome;
}

const struct postgres_op postgres_create_token = {.decide = decide, .is_alone = true};
