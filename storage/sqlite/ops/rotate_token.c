#include "storage/op/rotate_token.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/sqlite_op.h"
#include "storage/sqlite/token_row.h"

enum { READ, HAS_HASH, WRITE };

static int read_token(sqlite3_stmt *s, struct store_rotate_token *r) {
    sqlite_bind_text(s, 1, r->organization);
    sqlite_bind_text(s, 2, r->name);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        rc = token_row_read(r->op.arena, s, &r->ret) ? SQLITE_ROW : SQLITE_CORRUPT;
    }
    sqlite3_reset(s);
    return rc;
}

static int has_hash(sqlite3_stmt *s, const uint8_t *hash, bool *ret) {
    sqlite_bind_blob(s, 1, slice_of(hash, TOKEN_HASH_BYTES));
    int rc = sqlite3_step(s);
    *ret = rc == SQLITE_ROW && sqlite3_column_int(s, 0) != 0;
    sqlite3_reset(s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)session;
    struct store_rotate_token *r = CONTAINER_OF(op, struct store_rotate_token, op);
    int rc = read_token(s[READ], r);
    if (rc == SQLITE_DONE) {
        op->result = STORE_NOT_FOUND;
        return SQLITE_OK;
    }
    bool is_taken = false;
    if (rc == SQLITE_ROW) {
        rc = has_hash(s[HAS_HASH], r->hash, &is_taken);
    }
    if (rc != SQLITE_OK) {
        return rc;
    }
    if (is_taken) {
        op->result = STORE_EXISTS;
        return SQLITE_OK;
    }
    if (!store_rotate_token_apply(r, &r->ret)) {
        op->result = STORE_CONFLICT;
        return SQLITE_OK;
    }
    sqlite_bind_text(s[WRITE], 1, r->organization);
    sqlite_bind_text(s[WRITE], 2, r->name);
    token_row_bind_rotated(s[WRITE], &r->ret);
    op->result = STORE_OK;
    return sqlite_step_once(s[WRITE]);
}

const struct sqlite_op sqlite_rotate_token = {
    .sql =
        {
            [READ] = "SELECT " TOKEN_ROW_COLUMNS " FROM token WHERE organization=?1 AND name=?2",
            [HAS_HASH] = "SELECT " TOKEN_ROW_HAS_HASH_SQL("?1"),
            [WRITE] = "UPDATE token SET (" TOKEN_ROW_NEWEST ", " TOKEN_ROW_PREVIOUS ")"
                      "=(?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
                      " WHERE organization=?1 AND name=?2",
        },
    .run = run,
};
