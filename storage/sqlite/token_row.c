#include "storage/sqlite/token_row.h"

#include "storage/sqlite/connection.h"

void token_row_bind_created(sqlite3_stmt *s, const struct token_record *token) {
    sqlite_bind_text(s, 1, token->organization);
    sqlite_bind_text(s, 2, token->name);
    sqlite_bind_blob(s, 3, slice_of(token->hash, TOKEN_HASH_BYTES));
    sqlite3_bind_int64(s, 4, token->scopes);
    sqlite3_bind_int64(s, 5, token->created_at_us);
    sqlite3_bind_int64(s, 6, token->expires_at_us);
    sqlite3_bind_int64(s, 7, token->revoked_at_us);
    sqlite_bind_text(s, 8, token->client_san);
    token_row_bind_limits(s, 9, &token->limits);
}

void token_row_bind_limits(sqlite3_stmt *s, int first, const struct token_limits *limits) {
    sqlite3_bind_int64(s, first, limits->reads_per_s);
    sqlite3_bind_int64(s, first + 1, limits->changes_per_s);
    sqlite3_bind_int64(s, first + 2, limits->bytes_per_s);
    sqlite3_bind_int64(s, first + 3, limits->streams);
}

void token_row_bind_rotated(sqlite3_stmt *s, const struct token_record *token) {
    const struct token_secret *previous = &token->previous;
    sqlite_bind_blob(s, 3, slice_of(token->hash, TOKEN_HASH_BYTES));
    sqlite3_bind_int64(s, 4, token->expires_at_us);
    sqlite3_bind_int64(s, 5, token->last_used_at_us);
    sqlite3_bind_int64(s, 6, token->rotations);
    sqlite3_bind_int64(s, 7, token->rotated_at_us);
    sqlite_bind_blob(s, 8, slice_of(previous->hash, TOKEN_HASH_BYTES));
    sqlite3_bind_int64(s, 9, previous->created_at_us);
    sqlite3_bind_int64(s, 10, previous->expires_at_us);
    sqlite3_bind_int64(s, 11, previous->last_used_at_us);
}

static bool read_hash(sqlite3_stmt *s, int column, uint8_t ret[TOKEN_HASH_BYTES]) {
    const void *hash = sqlite3_column_blob(s, column);
    if (sqlite3_column_bytes(s, column) != TOKEN_HASH_BYTES) {
        return false;
    }
    memcpy(ret, hash, TOKEN_HASH_BYTES);
    return true;
}

bool token_row_read(struct arena *a, sqlite3_stmt *s, struct token_record *ret) {
    *ret = (struct token_record){
        .organization = sqlite_column_slice(a, s, 0),
        .name = sqlite_column_slice(a, s, 1),
        .scopes = (uint32_t)sqlite3_column_int64(s, 3),
        .created_at_us = sqlite3_column_int64(s, 4),
        .expires_at_us = sqlite3_column_int64(s, 5),
        .revoked_at_us = sqlite3_column_int64(s, 6),
        .last_used_at_us = sqlite3_column_int64(s, 7),
        .rotations = sqlite3_column_int64(s, 8),
        .rotated_at_us = sqlite3_column_int64(s, 9),
        .denials = sqlite3_column_int64(s, 14),
        .refusals = sqlite3_column_int64(s, 15),
        .client_san = sqlite_column_slice(a, s, 16),
        .limits = {.reads_per_s = sqlite3_column_int64(s, 17),
                   .changes_per_s = sqlite3_column_int64(s, 18),
                   .bytes_per_s = sqlite3_column_int64(s, 19),
                   .streams = sqlite3_column_int64(s, 20)},
    };
    if (!read_hash(s, 2, ret->hash)) {
        return false;
    }
    if (ret->rotations == 0) {
        return true;
    }
    ret->previous = (struct token_secret){
        .created_at_us = sqlite3_column_int64(s, 11),
        .expires_at_us = sqlite3_column_int64(s, 12),
        .last_used_at_us = sqlite3_column_int64(s, 13),
    };
    // An end of 0 would be none.
    return ret->previous.expires_at_us != 0 && read_hash(s, 10, ret->previous.hash);
}

int token_row_change(sqlite3_stmt *s, struct store_op *op, struct token_record *ret) {
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        rc = token_row_read(op->arena, s, ret) ? SQLITE_OK : SQLITE_CORRUPT;
        op->result = STORE_OK;
    } else if (rc == SQLITE_DONE) {
        op->result = STORE_NOT_FOUND;
        rc = SQLITE_OK;
    }
    sqlite3_reset(s);
    return rc;
}
