#include "storage/sqlite/token_row.h"

#include "storage/sqlite/connection.h"

void token_row_bind(sqlite3_stmt *s, const struct token_record *token) {
    sqlite_bind_text(s, 1, token->organization);
    sqlite_bind_text(s, 2, token->name);
    sqlite_bind_blob(s, 3, slice_of(token->hash, TOKEN_HASH_BYTES));
    sqlite3_bind_int64(s, 4, token->scopes);
    sqlite3_bind_int64(s, 5, token->created_at_us);
    sqlite3_bind_int64(s, 6, token->expires_at_us);
    sqlite3_bind_int64(s, 7, token->revoked_at_us);
}

bool token_row_read(struct arena *a, sqlite3_stmt *s, struct token_record *ret) {
    *ret = (struct token_record){
        .organization = sqlite_column_slice(a, s, 0),
        .name = sqlite_column_slice(a, s, 1),
        .scopes = (uint32_t)sqlite3_column_int64(s, 3),
        .created_at_us = sqlite3_column_int64(s, 4),
        .expires_at_us = sqlite3_column_int64(s, 5),
        .revoked_at_us = sqlite3_column_int64(s, 6),
    };
    const void *hash = sqlite3_column_blob(s, 2);
    if (sqlite3_column_bytes(s, 2) != TOKEN_HASH_BYTES) {
        return false;
    }
    memcpy(ret->hash, hash, TOKEN_HASH_BYTES);
    return true;
}
