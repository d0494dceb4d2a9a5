#include "storage/op/revoke_token.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/sqlite_op.h"
#include "storage/sqlite/token_row.h"

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)session;
    struct store_revoke_token *r = CONTAINER_OF(op, struct store_revoke_token, op);
    sqlite_bind_text(*s, 1, r->organization);
    sqlite_bind_text(*s, 2, r->name);
    sqlite3_bind_int64(*s, 3, r->at_us);
    sqlite3_bind_int64(*s, 4, r->spared_scopes);
    int rc = token_row_change(*s, op, &r->ret);
    if (rc == SQLITE_OK && op->result == STORE_OK && (r->ret.scopes & r->spared_scopes) != 0) {
        op->result = STORE_CONFLICT;
    }
    return rc;
}

const struct sqlite_op sqlite_revoke_token = {
    .sql =
        {
            "UPDATE token SET revoked_at=CASE WHEN revoked_at=0 AND scopes&?4=0"
            " THEN max(?3, created_at, 1) ELSE revoked_at END"
            " WHERE organization=?1 AND name=?2 RETURNING " TOKEN_ROW_COLUMNS,
        },
    .run = run,
};
