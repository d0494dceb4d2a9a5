#include "storage/op/set_token_limits.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/sqlite_op.h"
#include "storage/sqlite/token_row.h"

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)session;
    struct store_set_token_limits *t = CONTAINER_OF(op, struct store_set_token_limits, op);
    sqlite_bind_text(*s, 1, t->organization);
    sqlite_bind_text(*s, 2, t->name);
    token_row_bind_limits(*s, 3, &t->limits);
    return token_row_change(*s, op, &t->ret);
}

const struct sqlite_op sqlite_set_token_limits = {
    .sql =
        {
            "UPDATE token SET (" TOKEN_ROW_LIMITS ")=(?3, ?4, ?5, ?6)"
            " WHERE organization=?1 AND name=?2 RETURNING " TOKEN_ROW_COLUMNS,
        },
    .run = run,
};
