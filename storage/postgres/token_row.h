#ifndef RUNSD_STORAGE_POSTGRES_TOKEN_ROW_H
#define RUNSD_STORAGE_POSTGRES_TOKEN_ROW_H

#include "storage/op/store_op.h"
#include "storage/postgres/work.h"
#include "storage/token_record.h"

// How a row of table token is written and read; shared by the statements of all operations.

// The columns that pg_token_row_read reads, in its order.
#define PG_TOKEN_COLUMNS                                                                           \
    "organization, name, client_san, hash, scopes, created_at, expires_at, revoked_at,"            \
    " last_used_at, rotations, rotated_at, previous_hash, previous_created_at,"                    \
    " previous_expires_at, previous_last_used_at, denials, refusals, limit_reads, limit_changes,"  \
    " limit_bytes, limit_streams"

// Whether a token has, or had last, the secret whose hash is the parameter.
#define PG_TOKEN_HAS_HASH_SQL(parameter)                                                           \
    "EXISTS(SELECT 1 FROM token WHERE hash=" parameter                                             \
    " UNION ALL SELECT 1 FROM token WHERE previous_hash=" parameter ")"

// A statement that changes tokens and returns columns of them, and counts the change, so that all
// servers get to know of it.
#define PG_TOKEN_CHANGE_SQL(change)                                                                \
    "WITH changed AS (" change "), counted AS (UPDATE store SET token_changes=token_changes+1"     \
    " WHERE EXISTS(SELECT 1 FROM changed)) SELECT * FROM changed"

// Begins p, of a statement on one token: $1 and $2 are its organization and its name.
void pg_token_params_init(struct pg_params *p, struct work *work, struct slice organization,
                          struct slice name);

// Adds a hash of TOKEN_HASH_BYTES to p; borrowed.
void pg_token_add_hash(struct pg_params *p, const uint8_t *hash);

// Adds limits to p, in the order of the columns.
void pg_token_add_limits(struct pg_params *p, const struct token_limits *limits);

// Reads PG_TOKEN_COLUMNS, with copies in a. A hash that is none opens nothing.
struct token_record pg_token_row_read(struct arena *a, const PGresult *result, int row);

// Runs a statement that returns PG_TOKEN_COLUMNS of the one token that it changes, into *ret, in
// op's arena: op's result is STORE_OK, or STORE_NOT_FOUND where there is none.
enum pg_outcome pg_token_row_change(struct work *work, const struct pg_statement *statement,
                                    const struct pg_params *params, struct store_op *op,
                                    struct token_record *ret);

// Finds the token by its name and locks its row until the end of the transaction; *ret_found says
// whether there is one.
enum pg_outcome pg_token_row_lock(struct work *work, struct arena *a, struct slice organization,
                                  struct slice name, struct token_record *ret, bool *ret_found);

#endif
