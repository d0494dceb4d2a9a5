#include "storage/postgres/token_row.h"

#include <string.h>

#include "storage/postgres/pg_row.h"

static const struct pg_statement lock_token = {
    "token_lock", "SELECT " PG_TOKEN_COLUMNS " FROM token"
                  " WHERE organization=$1::bytea AND name=$2::bytea FOR UPDATE"};

static void read_hash(const PGresult *result, int row, int column, uint8_t ret[TOKEN_HASH_BYTES]) {
    struct slice hash = pg_bytes(result, row, column);
    if (hash.len == TOKEN_HASH_BYTES) {
        memcpy(ret, hash.data, TOKEN_HASH_BYTES);
    }
}

struct token_record pg_token_row_read(struct arena *a, const PGresult *result, int row) {
    struct token_record token = {
        .organization = pg_copy(a, result, row, 0),
        .name = pg_copy(a, result, row, 1),
        .client_san = pg_copy(a, result, row, 2),
        .scopes = (uint32_t)pg_int(result, row, 4),
        .created_at_us = pg_int(result, row, 5),
        .expires_at_us = pg_int(result, row, 6),
        .revoked_at_us = pg_int(result, row, 7),
        .last_used_at_us = pg_int(result, row, 8),
        .rotations = pg_int(result, row, 9),
        .rotated_at_us = pg_int(result, row, 10),
        .denials = pg_int(result, row, 15),
        .refusals = pg_int(result, row, 16),
        .limits = {.reads_per_s = pg_int(result, row, 17),
                   .changes_per_s = pg_int(result, row, 18),
                   .bytes_per_s = pg_int(result, row, 19),
                   .streams = pg_int(result, row, 20)},
    };
    read_hash(result, row, 3, token.hash);
    if (token.rotations != 0) {
        token.previous = (struct token_secret){
            .created_at_us = pg_int(result, row, 12),
            .expires_at_us = pg_int(result, row, 13),
            .last_used_at_us = pg_int(result, row, 14),
        };
        read_hash(result, row, 11, token.previous.hash);
    }
    return token;
}

void pg_token_params_init(struct pg_params *p, struct work *work, struct slice organization,
                          struct slice name) {
    pg_params_init(p, work_arena(work));
    pg_add_bytes(p, organization);
    pg_add_bytes(p, name);
}

void pg_token_add_hash(struct pg_params *p, const uint8_t *hash) {
    pg_add_bytes(p, slice_of(hash, TOKEN_HASH_BYTES));
}

void pg_token_add_limits(struct pg_params *p, const struct token_limits *limits) {
    pg_add_int8(p, limits->reads_per_s);
    pg_add_int8(p, limits->changes_per_s);
    pg_add_int8(p, limits->bytes_per_s);
    pg_add_int8(p, limits->streams);
}

enum pg_outcome pg_token_row_change(struct work *work, const struct pg_statement *statement,
                                    const struct pg_params *params, struct store_op *op,
                                    struct token_record *ret) {
    const PGresult *changed;
    enum pg_outcome outcome = pg_run(work_connection(work), statement, params, &changed);
    if (outcome != PG_OK) {
        return outcome;
    }
    op->result = pg_row_count(changed) == 0 ? STORE_NOT_FOUND : STORE_OK;
    if (op->result == STORE_OK) {
        *ret = pg_token_row_read(op->arena, changed, 0);
    }
    return PG_OK;
}

enum pg_outcome pg_token_row_lock(struct work *work, struct arena *a, struct slice organization,
                                  struct slice name, struct token_record *ret, bool *ret_found) {
    struct pg_params p;
    const PGresult *found;
    pg_token_params_init(&p, work, organization, name);
    enum pg_outcome outcome = pg_run(work_connection(work), &lock_token, &p, &found);
    if (outcome != PG_OK) {
        return outcome;
    }
    *ret_found = pg_row_count(found) > 0;
    if (*ret_found) {
        *ret = pg_token_row_read(a, found, 0);
    }
    return PG_OK;
}
