#include "storage/op/freeze_organization.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

// Whether there is such an organization. Returns SQLite's code.
static int look_for(const struct organization *which, sqlite3_stmt *s, bool *ret_is_there) {
    *ret_is_there = which->open.revision > 0;
    if (*ret_is_there) {
        return SQLITE_OK;
    }
    sqlite_bind_text(s, 1, which->name);
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    *ret_is_there = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_freeze_organization *f = CONTAINER_OF(op, struct store_freeze_organization, op);
    struct organization *which;
    bool is_there = false;
    int rc = organizations_find(session->organizations, f->name, &which);
    if (rc == SQLITE_OK) {
        rc = look_for(which, *s, &is_there);
    }
    if (rc != SQLITE_OK || !is_there) {
        op->result = STORE_NOT_FOUND;
        return rc;
    }
    f->ret_frozen_at_us = store_freeze_organization_at(f, which->open.frozen_at_us);
    op->result = STORE_OK;
    return f->ret_frozen_at_us == which->open.frozen_at_us
               ? SQLITE_OK
               : organizations_set_frozen(session->organizations, which, f->ret_frozen_at_us);
}

const struct sqlite_op sqlite_freeze_organization = {
    .sql = {"SELECT 1 FROM token INDEXED BY token_by_name WHERE organization=?1 LIMIT 1"},
    .run = run,
};
