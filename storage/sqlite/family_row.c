#include "storage/sqlite/family_row.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/schema_jobs.h"

enum {
    SELECT_LINK,
    SELECT_GONE,
    INSERT,
    REPLACE,
    SET_GONE,
    DELETE,
    STATEMENT_COUNT,
};
_Static_assert((int)STATEMENT_COUNT <= (int)FAMILY_ROW_STATEMENTS, "there is room for all");

static const char *const sql[STATEMENT_COUNT] = {
    [SELECT_LINK] = "SELECT parent, is_gone, EXISTS(SELECT 1 FROM run_parent AS c"
                    " INDEXED BY run_child WHERE c.organization=?1 AND c.parent=?2)"
                    " FROM run_parent WHERE organization=?1 AND id=?2",
    [SELECT_GONE] =
        "SELECT 1 FROM run_parent INDEXED BY run_gone WHERE " FAMILY_ROW_GONE_SQL " LIMIT 1",
    [INSERT] = "INSERT INTO run_parent(organization, id, parent) VALUES(?1, ?2, ?3)",
    [REPLACE] = "UPDATE run_parent SET parent=?3, is_gone=0 WHERE organization=?1 AND id=?2",
    [SET_GONE] = "UPDATE run_parent SET is_gone=1 WHERE organization=?1 AND id=?2",
    [DELETE] = "DELETE FROM run_parent WHERE organization=?1 AND id=?2",
};

int family_rows_init(struct family_rows *f, sqlite3 *db) {
    int rc = sqlite_prepare_all(db, sql, STATEMENT_COUNT, f->statements);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(f->statements[SELECT_GONE]);
        f->has_gone = rc == SQLITE_ROW;
        sqlite3_reset(f->statements[SELECT_GONE]);
    }
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

void family_rows_release(struct family_rows *f) {
    sqlite_finalize_all(f->statements, STATEMENT_COUNT);
}

// A row.
struct link {
    struct slice parent_id; // empty: there is no such row
    bool is_gone;
    bool has_children;
};

static int read_link(struct family_rows *f, struct arena *a, struct slice organization,
                     const struct run_id *id, struct link *ret) {
    sqlite3_stmt *s = f->statements[SELECT_LINK];
    sqlite_bind_text(s, 1, organization);
    run_id_bind(s, 2, id);
    int rc = sqlite3_step(s);
    *ret = (struct link){.parent_id = SLICE_EMPTY};
    if (rc == SQLITE_ROW) {
        *ret = (struct link){.parent_id = run_id_column(a, s, 0),
                             .is_gone = sqlite3_column_int(s, 1) != 0,
                             .has_children = sqlite3_column_int(s, 2) != 0};
    }
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Runs s, which changes the row of id.
static int change(sqlite3_stmt *s, struct slice organization, const struct run_id *id) {
    sqlite_bind_text(s, 1, organization);
    run_id_bind(s, 2, id);
    return sqlite_step_once(s);
}

// Deletes the row of id if it is gone and was kept for a child that has left, then that of its
// parent likewise, and so on.
static int prune(struct family_rows *f, struct arena *a, struct slice organization,
                 struct slice text) {
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && text.len > 0) { // a row less each time
        struct run_id id = run_id_of(text);
        struct link link;
        rc = read_link(f, a, organization, &id, &link);
        if (rc != SQLITE_OK || !link.is_gone || link.has_children) {
            return rc;
        }
        rc = change(f->statements[DELETE], organization, &id);
        text = link.parent_id;
    }
    return rc;
}

int family_rows_leave(struct family_rows *f, struct arena *a, struct slice organization,
                      const struct run_id *id) {
    struct link link;
    int rc = read_link(f, a, organization, id, &link);
    if (rc != SQLITE_OK || link.parent_id.len == 0) {
        return rc;
    }
    if (link.has_children) {
        f->has_gone = true;
        return change(f->statements[SET_GONE], organization, id);
    }
    rc = change(f->statements[DELETE], organization, id);
    return rc == SQLITE_OK && f->has_gone ? prune(f, a, organization, link.parent_id) : rc;
}

int family_rows_add(struct family_rows *f, struct arena *a, struct slice organization,
                    const struct run_id *id, struct slice parent_id) {
    struct link gone = {.parent_id = SLICE_EMPTY};
    int rc = f->has_gone ? read_link(f, a, organization, id, &gone) : SQLITE_OK;
    bool takes_over = gone.parent_id.len > 0;
    if (rc == SQLITE_OK && parent_id.len > 0) {
        struct run_id parent = run_id_of(parent_id);
        sqlite3_stmt *s = f->statements[takes_over ? REPLACE : INSERT];
        run_id_bind(s, 3, &parent);
        rc = change(s, organization, id);
    } else if (rc == SQLITE_OK && takes_over) {
        rc = change(f->statements[DELETE], organization, id);
    }
    return rc == SQLITE_OK && takes_over ? prune(f, a, organization, gone.parent_id) : rc;
}

int family_rows_parent(struct family_rows *f, struct arena *a, struct slice organization,
                       const struct run_id *id, struct slice *ret) {
    struct link link;
    int rc = read_link(f, a, organization, id, &link);
    *ret = link.parent_id;
    return rc;
}
