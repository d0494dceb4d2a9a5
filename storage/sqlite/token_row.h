#ifndef RUNSD_STORAGE_SQLITE_TOKEN_ROW_H
#define RUNSD_STORAGE_SQLITE_TOKEN_ROW_H

#include <sqlite3.h>

#include "base/core/arena.h"
#include "storage/op/store_op.h"
#include "storage/token_record.h"

// How a row of table token is written and read; shared by the statements of all operations.

#define TOKEN_ROW_FIRST  "organization, name, hash, scopes, created_at, expires_at, revoked_at"
#define TOKEN_ROW_LIMITS "limit_reads, limit_changes, limit_bytes, limit_streams"

// The columns that a creation gives values; the others have their defaults.
#define TOKEN_ROW_CREATED       TOKEN_ROW_FIRST ", client_san, " TOKEN_ROW_LIMITS
#define TOKEN_ROW_CREATED_MARKS "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12"

// What a rotation changes, in two parts.
#define TOKEN_ROW_NEWEST "hash, expires_at, last_used_at, rotations, rotated_at"
#define TOKEN_ROW_PREVIOUS                                                                         \
    "previous_hash, previous_created_at, previous_expires_at, previous_last_used_at"

#define TOKEN_ROW_COLUMNS                                                                          \
    TOKEN_ROW_FIRST ", last_used_at, rotations, rotated_at, " TOKEN_ROW_PREVIOUS                   \
                    ", denials, refusals, client_san, " TOKEN_ROW_LIMITS

// Whether a token has, or had last, the secret whose hash is the parameter.
#define TOKEN_ROW_HAS_HASH_SQL(parameter)                                                          \
    "EXISTS(SELECT 1 FROM token WHERE hash=" parameter " UNION ALL"                                \
    " SELECT 1 FROM token WHERE previous_hash=" parameter ")"

// Binds token to the parameters 1 to 12, in the order of TOKEN_ROW_CREATED; token outlives the
// statement's run.
void token_row_bind_created(sqlite3_stmt *s, const struct token_record *token);

// Binds limits to the parameters from first on, in the order of TOKEN_ROW_LIMITS.
void token_row_bind_limits(sqlite3_stmt *s, int first, const struct token_limits *limits);

// Binds token to the parameters 3 to 11, in the order of TOKEN_ROW_NEWEST and TOKEN_ROW_PREVIOUS.
void token_row_bind_rotated(sqlite3_stmt *s, const struct token_record *token);

// Reads TOKEN_ROW_COLUMNS. Returns false if the row is damaged.
bool token_row_read(struct arena *a, sqlite3_stmt *s, struct token_record *ret);

// Runs a statement that returns TOKEN_ROW_COLUMNS of the one token that it changes, into *ret, in
// op's arena: op's result is STORE_OK, or STORE_NOT_FOUND where there is none. Returns SQLite's
// code.
int token_row_change(sqlite3_stmt *s, struct store_op *op, struct token_record *ret);

#endif
