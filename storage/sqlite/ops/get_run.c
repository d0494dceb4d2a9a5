#include "storage/op/get_run.h"

#include "storage/sqlite/run_row.h"
#include "storage/sqlite/sqlite_op.h"

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_get_run *g = CONTAINER_OF(op, struct store_get_run, op);
    struct run_id id = run_id_of(g->id);
    struct run_row row;
    int rc = run_read_whole(session, op->arena, *s, g->organization, &id, &g->ret, &row);
    op->result = rc == SQLITE_DONE ? STORE_NOT_FOUND : STORE_OK;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

const struct sqlite_op sqlite_get_run = {
    .sql = {RUN_READ_SQL},
    .run = run,
};
