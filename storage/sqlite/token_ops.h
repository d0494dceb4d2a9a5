#ifndef RUNSD_STORAGE_SQLITE_TOKEN_OPS_H
#define RUNSD_STORAGE_SQLITE_TOKEN_OPS_H

#include <sqlite3.h>

#include "base/core/arena.h"
#include "storage/run_store.h"

// How tokens are written and read; shared by reading and writing statements.

#define TOKEN_COLUMNS "organization, name, hash, scopes, created_at, expires_at, revoked_at"

#define TOKEN_INSERT_SQL "INSERT INTO token(" TOKEN_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"

// ?1 organization, ?2 name, ?3 when.
#define TOKEN_REVOKE_SQL                                                                           \
    "UPDATE token SET"                                                                             \
    " revoked_at=CASE WHEN revoked_at=0 THEN max(?3, created_at, 1) ELSE revoked_at END"           \
    " WHERE organization=?1 AND name=?2 RETURNING " TOKEN_COLUMNS

// ?1 organization, empty for all.
#define TOKEN_LIST_SQL                                                                             \
    "SELECT " TOKEN_COLUMNS " FROM token WHERE ?1='' OR organization=?1"                           \
    " ORDER BY organization, name"

// Binds token to TOKEN_INSERT_SQL; token outlives the statement's run.
void token_bind(sqlite3_stmt *s, const struct token_record *token);

// Reads TOKEN_COLUMNS. Returns false if the row is damaged.
bool token_read(struct arena *a, sqlite3_stmt *s, struct token_record *ret);

#endif
