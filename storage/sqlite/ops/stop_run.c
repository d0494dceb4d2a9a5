#include "storage/op/stop_run.h"

#include "storage/sqlite/run_change.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { READ_RUN, UPDATE_RUN };

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_stop_run *q = CONTAINER_OF(op, struct store_stop_run, op);
    struct run_change c = {.id = run_id_of(q->id)};
    int rc = run_read(session, op->arena, s[READ_RUN], q->organization, &c.id, &c.before, &c.row);
    if (rc != SQLITE_OK) {
        op->result = STORE_NOT_FOUND;
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    q->ret_revision = 0;
    q->ret_is_stale = c.before.attempt != q->attempt;
    c.after = c.before;
    op->result = store_stop_run_apply(q, &c.after) ? STORE_OK : STORE_CONFLICT;
    if (c.after.sequence != c.before.sequence) {
        rc = run_change_write(session, s[UPDATE_RUN], &c, STORE_EVENT_STOP, &q->cause,
                              &q->ret_revision);
    }
    q->ret = c.after;
    return rc;
}

const struct sqlite_op sqlite_stop_run = {
    .sql = {[READ_RUN] = RUN_READ_SQL, [UPDATE_RUN] = RUN_CHANGE_SQL},
    .run = run,
};
