#include "storage/op/trim_changes.h"

#include "storage/sqlite/organizations.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)s;
    struct store_trim_changes *t = CONTAINER_OF(op, struct store_trim_changes, op);
    struct organization *which;
    int rc = organizations_find(session->organizations, t->organization, &which);
    if (rc != SQLITE_OK) {
        return rc;
    }
    if (which->open.revision == 0) {
        op->result = STORE_NOT_FOUND;
        return SQLITE_OK;
    }
    t->ret_floor = store_trim_changes_floor(t, which->open.floor, which->open.revision);
    op->result = STORE_OK;
    return t->ret_floor == which->open.floor
               ? SQLITE_OK
               : organizations_raise_floor(session->organizations, which, t->ret_floor);
}

const struct sqlite_op sqlite_trim_changes = {.run = run};
