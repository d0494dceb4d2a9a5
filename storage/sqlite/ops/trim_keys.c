#include "storage/op/trim_keys.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { DELETE_KEYS };

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_trim_keys *t = CONTAINER_OF(op, struct store_trim_keys, op);
    sqlite3_bind_int64(s[DELETE_KEYS], 1, t->before_us);
    sqlite3_bind_int(s[DELETE_KEYS], 2, t->limit);
    int rc = sqlite_step_once(s[DELETE_KEYS]);
    t->ret_count = rc == SQLITE_OK ? sqlite3_changes(session->db) : 0;
    op->result = STORE_OK;
    return rc;
}

const struct sqlite_op sqlite_trim_keys = {
    .sql =
        {
            [DELETE_KEYS] = "DELETE FROM idempotency WHERE name IN (SELECT name FROM idempotency"
                            " INDEXED BY idempotency_by_at WHERE at<?1 ORDER BY at LIMIT ?2)",
        },
    .run = run,
};
