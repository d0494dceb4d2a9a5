#include "storage/sqlite/stored_bytes.h"

#include "storage/sqlite/connection.h"

int stored_bytes_of(sqlite3_stmt *s, int64_t run_key, int64_t *ret) {
    sqlite3_bind_int64(s, 1, run_key);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *ret = sqlite3_column_int64(s, 0);
        rc = SQLITE_OK;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_CORRUPT;
    }
    sqlite3_reset(s);
    return rc;
}

static int count_anew(sqlite3_stmt *sum, struct organizations *organizations, struct slice name) {
    struct organization *which;
    int rc = organizations_find(organizations, name, &which);
    if (rc != SQLITE_OK) {
        return rc;
    }
    sqlite_bind_text(sum, 1, name);
    rc = sqlite3_step(sum);
    if (rc == SQLITE_ROW) {
        organizations_set_stored(organizations, which, sqlite3_column_int64(sum, 0));
        rc = SQLITE_OK;
    }
    sqlite3_reset(sum);
    return rc;
}

int stored_bytes_fill(sqlite3 *db, struct organizations *organizations) {
    static const char *const sql[] = {
        "SELECT name FROM organization WHERE " ORGANIZATION_OLD_BYTES_SQL,
        "SELECT coalesce(sum(length(b.spec)), 0) FROM run AS r CROSS JOIN run_body AS b"
        " ON b.run_key=r.run_key WHERE r.organization=?1",
    };
    sqlite3_stmt *s[2] = {NULL};
    int rc = sqlite_prepare_all(db, sql, 2, s);
    while (rc == SQLITE_OK && (rc = sqlite3_step(s[0])) == SQLITE_ROW) {
        rc = count_anew(s[1], organizations, sqlite_column_peek(s[0], 0));
    }
    sqlite_finalize_all(s, 2);
    if (rc == SQLITE_DONE) {
        organizations_committed(organizations);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
