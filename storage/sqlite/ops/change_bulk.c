#include "storage/op/change_bulk.h"

#include "storage/sqlite/bulk_row.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { FIND, UPDATE };

// Makes the change of the job.
static int change(struct session *session, sqlite3_stmt *const *s, struct store_change_bulk *c,
                  struct bulk_record *bulk, const struct bulk_row *row) {
    if (c->to == BULK_RUNNING &&
        organizations_is_frozen_own(session->organizations, c->organization)) {
        c->op.result = STORE_READ_ONLY;
        return SQLITE_OK;
    }
    if (!store_change_bulk_apply(c, bulk)) {
        c->op.result = STORE_CONFLICT;
        return SQLITE_OK;
    }
    int rc = bulk_row_update(s[UPDATE], bulk, row);
    return rc == SQLITE_OK ? key_rows_note_job(&session->keys, &c->idempotency, c->organization,
                                               bulk->id, c->at_us)
                           : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_change_bulk *c = CONTAINER_OF(op, struct store_change_bulk, op);
    struct slice id = c->id;
    enum idempotency_match match;
    int rc = key_rows_find(&session->keys, op->arena, &c->idempotency, &match, &id);
    if (rc != SQLITE_OK || match == IDEMPOTENCY_OTHER) {
        op->result = STORE_KEY_REUSED;
        return rc;
    }
    struct bulk_record bulk;
    struct bulk_row row;
    rc = bulk_row_find(op->arena, s[FIND], c->organization, id, &bulk, &row);
    if (rc != SQLITE_OK) {
        op->result = STORE_NOT_FOUND;
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    op->result = STORE_OK;
    c->ret_is_replayed = match == IDEMPOTENCY_SAME;
    if (!c->ret_is_replayed) {
        rc = change(session, s, c, &bulk, &row);
    }
    if (rc == SQLITE_OK) {
        c->ret = bulk;
    }
    return rc;
}

const struct sqlite_op sqlite_change_bulk = {
    .sql = {[FIND] = BULK_ROW_FIND_SQL, [UPDATE] = BULK_ROW_UPDATE_SQL},
    .run = run,
};
