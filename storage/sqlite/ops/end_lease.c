#include "storage/op/end_lease.h"

#include "storage/sqlite/run_change.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { READ_RUN, UPDATE_RUN };

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_end_lease *e = CONTAINER_OF(op, struct store_end_lease, op);
    struct run_change c = {.id = run_id_of(e->id)};
    int rc = run_read(session, op->arena, s[READ_RUN], e->organization, &c.id, &c.before, &c.row);
    if (rc != SQLITE_OK) {
        op->result = STORE_NOT_FOUND;
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    e->ret_revision = 0;
    e->ret_left_us = 0;
    e->ret_is_stale = c.before.attempt != e->attempt;
    c.after = c.before;
    op->result = STORE_CONFLICT;
    if (store_end_lease_apply(e, &c.after)) {
        op->result = STORE_OK;
        rc = run_change_write(session, s[UPDATE_RUN], &c, e->kind, &e->cause, &e->ret_revision);
    }
    e->ret = c.after;
    return rc;
}

const struct sqlite_op sqlite_end_lease = {
    .sql = {[READ_RUN] = RUN_READ_SQL, [UPDATE_RUN] = RUN_CHANGE_SQL},
    .run = run,
};
