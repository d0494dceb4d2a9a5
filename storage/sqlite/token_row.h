#ifndef RUNSD_STORAGE_SQLITE_TOKEN_ROW_H
#define RUNSD_STORAGE_SQLITE_TOKEN_ROW_H

#include <sqlite3.h>

#include "base/core/arena.h"
#include "storage/token_record.h"

// How a row of table token is written and read; shared by the statements of all operations.

#define TOKEN_ROW_COLUMNS "organization, name, hash, scopes, created_at, expires_at, revoked_at"

// Binds token to the parameters 1 to 7, in the order of TOKEN_ROW_COLUMNS; token outlives the
// statement's run.
void token_row_bind(sqlite3_stmt *s, const struct token_record *token);

// Reads TOKEN_ROW_COLUMNS. Returns false if the row is damaged.
bool token_row_read(struct arena *a, sqlite3_stmt *s, struct token_record *ret);

#endif
