#include "storage/sqlite/family_row.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"

enum { PARENT = RUN_ROW_COLUMN_COUNT };

// Reads the run of *id: its status, and its parent's id into *id, with a copy in a; empty if it has
// none. Returns SQLite's code; SQLITE_DONE if there is no such run.
static int read_ancestor(struct session *session, struct arena *a, sqlite3_stmt *s,
                         struct slice organization, struct slice *id, int *ret_status) {
    struct run_id which = run_id_of(*id);
    sqlite_bind_text(s, 1, organization);
    run_id_bind(s, 2, &which);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *ret_status = run_row_status(session, s);
        *id = sqlite3_column_type(s, PARENT) == SQLITE_NULL ? SLICE_EMPTY
                                                            : run_id_column(a, s, PARENT);
        rc = run_row_status_is_sound(*ret_status) ? SQLITE_OK : SQLITE_CORRUPT;
    }
    sqlite3_reset(s);
    return rc;
}

int family_row_check(struct session *session, struct arena *a, sqlite3_stmt *s,
                     struct slice organization, struct slice parent_id, enum store_parent *ret,
                     struct slice *ret_ancestor) {
    struct slice next = parent_id;
    *ret = PARENT_SOUND;
    for (int depth = 1; next.len > 0; depth++) {
        struct slice id = next;
        int status = 0;
        int rc = read_ancestor(session, a, s, organization, &next, &status);
        if (rc == SQLITE_DONE) {
            *ret = depth == 1 ? PARENT_MISSING : PARENT_SOUND;
            return SQLITE_OK;
        }
        if (rc != SQLITE_OK) {
            return rc;
        }
        if (status == RUN_CANCELLED || depth > STORE_MOST_ANCESTORS) {
            *ret = status == RUN_CANCELLED ? PARENT_CANCELLED : PARENT_TOO_DEEP;
            *ret_ancestor = status == RUN_CANCELLED ? id : SLICE_EMPTY;
            return SQLITE_OK;
        }
    }
    return SQLITE_OK;
}

int family_row_insert(sqlite3_stmt *s, struct slice organization, const struct run_id *id,
                      struct slice parent_id) {
    struct run_id parent = run_id_of(parent_id);
    sqlite_bind_text(s, 1, organization);
    run_id_bind(s, 2, id);
    run_id_bind(s, 3, &parent);
    return sqlite_step_once(s);
}
