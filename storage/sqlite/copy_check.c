#include "storage/sqlite/copy_check.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/store_check.h"

int copy_contents_read(sqlite3 *db, struct copy_contents *ret) {
    int rc = sqlite_query_int(db, "PRAGMA user_version", &ret->schema);
    if (rc == SQLITE_OK) {
        rc = sqlite_query_int(db, "SELECT count(*) FROM run", &ret->runs);
    }
    return rc == SQLITE_OK ? schema_newest_event(db, &ret->newest_event) : rc;
}

static const struct error *refuse(struct arena *a, const char *name, const char *why,
                                  bool has_more) {
    return error_new(a, STATUS_DATA_LOSS, REASON_NONE, "the backup \"%s\" is damaged: %s%s", name,
                     why, has_more ? " (there is more)" : "");
}

// What keeps db from being read; damage is the copy's, all else is not.
static const struct error *refuse_code(struct arena *a, sqlite3 *db, const char *name, int rc) {
    const char *text = sqlite_failure_text(a, db, rc, "reading it");
    int primary = rc & 0xFF;
    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_ERROR
               ? refuse(a, name, text, false)
               : error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                           "the backup \"%s\" cannot be read: %s", name, text);
}

// Whether a database of an older schema is sound: that its rows fit together is looked at when a
// start brings it forward.
static int check_pages(sqlite3 *db, struct arena *a, struct store_problems *ret) {
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &s, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(s, 0);
        if (text == NULL || sqlite3_stricmp(text, "ok") != 0) {
            ret->text[ret->count++] = arena_printf(a, "%s", text != NULL ? text : "no answer");
        }
        rc = SQLITE_OK;
    }
    sqlite3_finalize(s);
    return rc;
}

static const struct error *check_all(struct arena *a, sqlite3 *db, const char *name,
                                     struct copy_contents *ret) {
    int64_t version = 0;
    int64_t application_id = 0;
    int rc = sqlite_query_int(db, "PRAGMA application_id", &application_id);
    if (rc != SQLITE_OK) {
        return refuse_code(a, db, name, rc);
    }
    if (application_id != SCHEMA_APPLICATION_ID) {
        return refuse(a, name, "it is a database of another program", false);
    }
    const struct error *e = schema_check_version(a, db, name, &version);
    if (e != NULL) {
        return e;
    }
    struct store_problems problems = {.count = 0};
    rc = version < SCHEMA_VERSION ? check_pages(db, a, &problems)
                                  : store_check_all(db, a, &problems);
    if (rc == SQLITE_OK && problems.count > 0) {
        return refuse(a, name, problems.text[0], problems.count > 1);
    }
    if (rc == SQLITE_OK) {
        rc = copy_contents_read(db, ret);
    }
    return rc == SQLITE_OK ? NULL : refuse_code(a, db, name, rc);
}

const struct error *copy_check(struct arena *a, const char *path, const char *name,
                               struct copy_contents *ret) {
    sqlite3 *db = NULL;
    int rc = sqlite_connect_immutable(a, path, &db);
    const struct error *e =
        rc == SQLITE_OK ? check_all(a, db, name, ret) : refuse_code(a, db, name, rc);
    sqlite3_close(db);
    return e;
}
