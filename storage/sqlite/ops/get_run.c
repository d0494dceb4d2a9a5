#include "storage/op/get_run.h"

#include "storage/sqlite/run_row.h"
#include "storage/sqlite/sqlite_op.h"

enum { SELECT_RUN, SELECT_BODY };

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)session;
    struct store_get_run *g = CONTAINER_OF(op, struct store_get_run, op);
    int rc = run_read(op->arena, s[SELECT_RUN], s[SELECT_BODY], g->organization, g->id, &g->ret);
    op->result = rc == SQLITE_DONE ? STORE_NOT_FOUND : STORE_OK;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

const struct sqlite_op sqlite_get_run = {
    .sql = {[SELECT_RUN] = RUN_ROW_SELECT_SQL, [SELECT_BODY] = RUN_BODY_SELECT_SQL},
    .run = run,
};
