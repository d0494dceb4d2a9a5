#include "storage/op/create_token.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"
#include "storage/sqlite/token_row.h"

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_create_token *c = CONTAINER_OF(op, struct store_create_token, op);
    token_row_bind_created(*s, &c->in);
    int rc = sqlite_step_once(*s);
    bool is_taken =
        rc == SQLITE_CONSTRAINT_UNIQUE || (rc == SQLITE_OK && sqlite3_changes(session->db) == 0);
    op->result = is_taken ? STORE_EXISTS : STORE_OK;
    return is_taken ? SQLITE_OK : rc;
}

const struct sqlite_op sqlite_create_token = {
    .sql =
        {
            "INSERT INTO token(" TOKEN_ROW_CREATED ") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7"
            " WHERE NOT " TOKEN_ROW_HAS_HASH_SQL("?3"),
        },
    .run = run,
};
