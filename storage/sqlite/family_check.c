#include "storage/sqlite/family_check.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"

enum { PARENT = RUN_ROW_COLUMN_COUNT };

// A run, or one that is gone, and its parent's id, which is empty if it has none.
struct ancestor {
    bool is_there;
    int status;
    struct slice parent_id;
};

static int read_ancestor(struct session *session, struct arena *a, sqlite3_stmt *s,
                         struct slice organization, const struct run_id *id, struct ancestor *ret) {
    sqlite_bind_text(s, 1, organization);
    run_id_bind(s, 2, id);
    int rc = sqlite3_step(s);
    *ret = (struct ancestor){.is_there = rc == SQLITE_ROW};
    if (rc == SQLITE_ROW) {
        bool has_parent = sqlite3_column_type(s, PARENT) != SQLITE_NULL;
        ret->status = run_row_status(session, s);
        ret->parent_id = has_parent ? run_id_column(a, s, PARENT) : SLICE_EMPTY;
        rc = run_row_status_is_sound(ret->status) ? SQLITE_OK : SQLITE_CORRUPT;
    } else if (rc == SQLITE_DONE) {
        rc = family_rows_parent(&session->families, a, organization, id, &ret->parent_id);
    }
    sqlite3_reset(s);
    return rc;
}

// Returns what is wrong with the ancestor of id, so many generations up from c's run.
static enum store_parent judge(const struct store_create_run *c, const struct ancestor *ancestor,
                               struct slice id, int depth) {
    if (!ancestor->is_there && depth == 1) {
        return PARENT_MISSING;
    }
    if (!ancestor->is_there && slice_equal(id, c->in.id)) {
        return PARENT_DESCENDS;
    }
    if (ancestor->is_there && ancestor->status == RUN_CANCELLED) {
        return PARENT_CANCELLED;
    }
    return depth > STORE_MOST_ANCESTORS ? PARENT_TOO_DEEP : PARENT_SOUND;
}

int family_check(struct session *session, sqlite3_stmt *s, struct store_create_run *c) {
    struct slice next = c->parent_id;
    int rc = SQLITE_OK;
    c->ret_parent = PARENT_SOUND;
    for (int depth = 1; rc == SQLITE_OK && next.len > 0 && c->ret_parent == PARENT_SOUND; depth++) {
        struct run_id id = run_id_of(next);
        struct ancestor ancestor;
        rc = read_ancestor(session, c->op.arena, s, c->in.organization, &id, &ancestor);
        if (rc == SQLITE_OK) {
            c->ret_parent = judge(c, &ancestor, next, depth);
            c->ret_ancestor = c->ret_parent == PARENT_CANCELLED ? next : SLICE_EMPTY;
        }
        next = ancestor.parent_id;
    }
    return rc;
}
