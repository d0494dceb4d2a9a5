#include "storage/sqlite/copy_mark.h"

#include "storage/sqlite/connection.h"

// As it is in memory: a store is read where it was written.
_Static_assert(sizeof(struct store_copy_mark) ==
                   STORE_SECRET_BYTES + STORE_STATE_BYTES + 3 * sizeof(int64_t),
               "the mark has no padding");

int copy_mark_read(sqlite3 *db, bool *ret_has, struct store_copy_mark *ret) {
    int rc =
        sqlite_query_blob(db, "SELECT value FROM meta WHERE name='copy_of'", ret, sizeof(*ret));
    *ret_has = rc == SQLITE_OK;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int copy_mark_write(sqlite3 *db, const struct store_copy_mark *mark) {
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db,
                                "INSERT INTO meta(name, value) VALUES('copy_of', ?1)"
                                " ON CONFLICT(name) DO UPDATE SET value=excluded.value",
                                -1, &s, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }
    sqlite_bind_blob(s, 1, slice_of((const void *)mark, sizeof(*mark)));
    sqlite3_step(s);
    return sqlite3_finalize(s);
}

int copy_mark_remove(sqlite3 *db) {
    return sqlite_run(db, "DELETE FROM meta WHERE name='copy_of'");
}

const struct error *copy_mark_check(struct arena *a, sqlite3 *db, const char *path) {
    struct store_copy_mark mark;
    bool has_mark = false;
    int rc = copy_mark_read(db, &has_mark, &mark);
    if (rc != SQLITE_OK) {
        return sqlite_error(a, db, rc, path, "reading whether it is a copy");
    }
    return has_mark ? store_copy_refuse_half(a, path) : NULL;
}
