#include "storage/op/delete_run.h"

#include "storage/sqlite/run_change.h"
#include "storage/sqlite/run_deletion.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

static int delete_run(struct session *session, struct store_delete_run *d,
                      const struct run_change *c, const struct doomed_run *doomed) {
    int rc = run_change_append(session, c, STORE_EVENT_DELETION, &d->cause, &d->ret_revision);
    if (rc == SQLITE_OK) {
        rc = deletion_rows_add_gone(&session->deletion, d->organization, &c->id,
                                    session->events.last);
    }
    if (rc == SQLITE_OK) {
        rc = run_deletion_raise_floor(session, d->organization, doomed->revision);
    }
    return rc == SQLITE_OK ? run_deletion_delete(session, d->op.arena, d->organization, doomed)
                           : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_delete_run *d = CONTAINER_OF(op, struct store_delete_run, op);
    struct run_change c = {.id = run_id_of(d->id)};
    int rc = run_read(session, op->arena, *s, d->organization, &c.id, &c.before, &c.row);
    if (rc != SQLITE_OK) {
        op->result = STORE_NOT_FOUND;
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    d->ret = c.before;
    d->ret_revision = 0;
    d->ret_is_pending = false;
    op->result = STORE_CONFLICT;
    if (run_status_is_active(c.before.status)) {
        return SQLITE_OK;
    }
    struct doomed_run doomed;
    rc = deletion_rows_find(&session->deletion, d->organization, &c.id, &doomed);
    if (rc == SQLITE_OK && run_deletion_is_behind(session, d->organization, &doomed)) {
        pending_want(session->pending, c.row.newest_event);
        op->detail = "rows of the run are behind its events";
        op->result = STORE_BUSY;
        d->ret_is_pending = true;
    } else if (rc == SQLITE_OK) {
        c.after = store_delete_run_record(d, &c.before);
        rc = delete_run(session, d, &c, &doomed);
        op->result = STORE_OK;
    }
    return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc; // it was there a moment ago
}

const struct sqlite_op sqlite_delete_run = {.sql = {RUN_READ_SQL}, .run = run};
