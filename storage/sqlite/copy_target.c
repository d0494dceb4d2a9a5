#include "storage/sqlite/copy_target.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/core/memory.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/copy_mark.h"
#include "storage/sqlite/copy_rows.h"
#include "storage/sqlite/holder_file.h"
#include "storage/sqlite/opening.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/store_file.h"
#include "storage/sqlite/store_path.h"

// Pages that are changed come back again and again: rows of runs are in the order of their ids.
enum { CACHE_BYTES = 128 << 20 };

struct target {
    struct store_target base;
    char *path;
    int lock_fd;
    sqlite3 *db;
    struct copy_rows rows;
    bool has_rows; // rows is prepared
};

static const struct error *fail(const struct target *t, struct arena *a, int rc,
                                const char *doing) {
    return sqlite_error(a, t->db, rc, t->path, doing);
}

// Ends the transaction that is open: with the mark, if rc is SQLITE_OK.
static const struct error *end(struct target *t, struct arena *a, int rc, const char *doing,
                               const struct store_copy_mark *mark) {
    if (rc == SQLITE_OK && mark != NULL) {
        rc = copy_mark_write(t->db, mark);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite_run(t->db, "COMMIT");
    }
    if (rc == SQLITE_OK) {
        return NULL;
    }
    const struct error *e = fail(t, a, rc, doing);
    if (sqlite3_get_autocommit(t->db) == 0) {
        sqlite_run(t->db, "ROLLBACK");
    }
    return e;
}

static const struct error *begin(struct store_target *base, struct arena *a,
                                 const struct store_copy_mark *mark) {
    struct target *t = (struct target *)base;
    int rc = sqlite_run(t->db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK) {
        rc = sqlite_run(t->db, COPY_ROWS_MAKE_INDEXES_SQL);
    }
    return end(t, a, rc, "beginning a copy", mark);
}

static const struct error *put(struct store_target *base, struct arena *a,
                               enum store_table_index table, const struct store_rows *rows,
                               const struct store_copy_mark *mark) {
    struct target *t = (struct target *)base;
    int rc = SQLITE_OK;
    if (!t->has_rows || t->rows.table != table) {
        t->has_rows = true;
        rc = copy_rows_begin(&t->rows, t->db, table);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite_run(t->db, "BEGIN IMMEDIATE");
    }
    int columns = store_tables[table].column_count;
    for (int i = 0; rc == SQLITE_OK && i < rows->count; i++) {
        rc = copy_rows_put(&t->rows, &rows->values[i * columns]);
    }
    return end(t, a, rc, arena_printf(a, "adding rows of %s", store_tables[table].name), mark);
}

// What follows from the rows: what is as of the newest event, how much there is, and which events
// are gone. Then all rows are up to date.
#define NEWEST_SQL "(SELECT coalesce(max(event_key)+1, 0) FROM event)"
static const char settle_sql[] =
    "INSERT INTO meta(name, value) SELECT 'erased', " NEWEST_SQL
    "  WHERE EXISTS(SELECT 1 FROM event);"
    "INSERT INTO meta(name, value) SELECT 'events_gone', 2 WHERE EXISTS(SELECT 1 FROM event);"
    "UPDATE organization SET newest_event=CASE revision WHEN 0 THEN 0 ELSE coalesce("
    "  (SELECT event_key FROM event INDEXED BY copy_by_revision WHERE organization=name"
    "   AND revision=organization.revision), " NEWEST_SQL ") END;"
    "UPDATE organization SET bytes_as_of_event=newest_event;"
    "UPDATE run_count SET as_of_event=" NEWEST_SQL ";"
    "INSERT INTO meta(name, value) SELECT 'keys', count(*) FROM idempotency WHERE true"
    "  ON CONFLICT(name) DO UPDATE SET value=excluded.value;"
    "INSERT INTO meta(name, value) SELECT 'jobs', count(*) FROM bulk WHERE true"
    "  ON CONFLICT(name) DO UPDATE SET value=excluded.value;";

static const struct error *settle(struct store_target *base, struct arena *a,
                                  const struct store_copy_mark *mark) {
    struct target *t = (struct target *)base;
    int64_t newest = 0;
    copy_rows_release(&t->rows);
    t->has_rows = false;
    t->rows = (struct copy_rows){.db = NULL};
    int rc = sqlite_run(t->db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK) {
        rc = sqlite_run(t->db, settle_sql);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite_run(t->db, COPY_ROWS_DROP_INDEXES_SQL);
    }
    if (rc == SQLITE_OK) {
        rc = schema_newest_event(t->db, &newest);
    }
    if (rc == SQLITE_OK) {
        rc = schema_write_applied(t->db, newest);
    }
    return end(t, a, rc, "settling its rows", mark);
}

// Has what a server that served the store before noted of its file hold of the file as it is now:
// tables were changed, and an open would take it for a backup that was put back.
static int correct_lineage(struct target *t) {
    struct lineage now;
    struct stat st;
    int rc = lineage_read(t->db, &now);
    if (rc != SQLITE_OK || now.generation == 0) {
        return rc;
    }
    if (fstat(t->lock_fd, &st) != 0) {
        return SQLITE_IOERR;
    }
    now.inode = (int64_t)st.st_ino;
    rc = sqlite_query_int(t->db, "PRAGMA schema_version", &now.schema_cookie);
    return rc == SQLITE_OK ? lineage_write(t->db, &now) : rc;
}

static int write_identity(sqlite3 *db, const struct store_identity *source) {
    static const char *const sql = "INSERT INTO meta(name, value) VALUES('secret', ?1),"
                                   " ('epoch', ?2)"
                                   " ON CONFLICT(name) DO UPDATE SET value=excluded.value";
    sqlite3_stmt *s = NULL;
    int rc = sqlite_prepare_all(db, &sql, 1, &s);
    if (rc == SQLITE_OK) {
        sqlite_bind_blob(s, 1, slice_of(source->secret, STORE_SECRET_BYTES));
        sqlite3_bind_int64(s, 2, (int64_t)source->epoch);
        rc = sqlite_step_once(s);
    }
    sqlite3_finalize(s);
    return rc;
}

static const struct error *complete(struct store_target *base, struct arena *a,
                                    const struct store_identity *source) {
    struct target *t = (struct target *)base;
    int rc = sqlite_run(t->db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK) {
        rc = write_identity(t->db, source);
    }
    if (rc == SQLITE_OK) {
        rc = correct_lineage(t);
    }
    if (rc == SQLITE_OK) {
        rc = copy_mark_remove(t->db);
    }
    return end(t, a, rc, "making it the store", NULL);
}

static void close_target(struct store_target *base) {
    struct target *t = (struct target *)base;
    copy_rows_release(&t->rows);
    sqlite3_close(t->db);
    holder_file_remove(t->path);
    close(t->lock_fd); // last: it drops what locks SQLite has on the file
    free(t->path);
    free(t);
}

static const struct store_target_ops ops = {
    .begin = begin,
    .put = put,
    .settle = settle,
    .complete = complete,
    .close = close_target,
};

static const struct error *check_version(struct target *t, struct arena *a) {
    int64_t version = 0;
    const struct error *e = schema_check_version(a, t->db, t->path, &version);
    if (e == NULL && version != SCHEMA_VERSION) {
        e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                      "the store \"%s\" has schema version %lld, and a copy is made with version "
                      "%d; give a path at which no file is",
                      t->path, (long long)version, SCHEMA_VERSION);
    }
    return e;
}

static const struct error *check_empty(struct target *t, struct arena *a) {
    int64_t runs = 0;
    int64_t tokens = 0;
    int64_t traces = 0;
    int rc = sqlite_query_int(t->db, "SELECT count(*) FROM run", &runs);
    if (rc == SQLITE_OK) {
        rc = sqlite_query_int(t->db, "SELECT count(*) FROM token", &tokens);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite_query_int(t->db,
                              "SELECT EXISTS(SELECT 1 FROM organization)"
                              " OR EXISTS(SELECT 1 FROM bulk) OR EXISTS(SELECT 1 FROM idempotency)"
                              " OR " SCHEMA_NEWEST_EVENT_SQL "<>0",
                              &traces);
    }
    if (rc != SQLITE_OK) {
        return fail(t, a, rc, "looking whether it is empty");
    }
    return runs + tokens + traces == 0 ? NULL : store_copy_refuse_filled(a, t->path, runs, tokens);
}

static const struct error *read_mark(struct target *t, struct arena *a) {
    int rc = copy_mark_read(t->db, &t->base.has_mark, &t->base.mark);
    if (rc != SQLITE_OK) {
        return fail(t, a, rc, "reading whether it is a copy");
    }
    return t->base.has_mark ? NULL : check_empty(t, a);
}

// Has the log be copied into the database as it grows, and removed at the close.
static int prepare_log(struct target *t, const struct opening *o) {
    int rc = sqlite_use_wal(t->db, o->mode);
    if (rc == SQLITE_OK) {
        rc = sqlite_limit_cache(t->db, CACHE_BYTES);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_wal_autocheckpoint(t->db, 4000);
    }
    sqlite3_db_config(t->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return rc;
}

static const struct error *connect(struct target *t, struct arena *a) {
    struct opening o;
    opening_look(&o, a, t->path, t->lock_fd);
    int rc = sqlite_connect_writer(t->path, &t->db);
    if (rc != SQLITE_OK) {
        return fail(t, a, rc, "opening it");
    }
    const struct error *e = check_version(t, a);
    e = e == NULL ? opening_check(&o, a, t->db, false) : e;
    e = e == NULL ? read_mark(t, a) : e;
    if (e != NULL) {
        return e;
    }
    rc = prepare_log(t, &o);
    return rc == SQLITE_OK ? NULL : fail(t, a, rc, "preparing to write");
}

const struct error *sqlite_copy_target_open(struct arena *a, const char *path,
                                            struct store_target **ret_target) {
    int fd;
    const struct error *e = store_file_open(a, path, true, &fd);
    if (e != NULL) {
        return e;
    }
    struct target *t = mem_zalloc(sizeof(*t));
    t->base.ops = &ops;
    t->path = mem_strdup(store_path_real(a, path));
    t->lock_fd = fd;
    (void)holder_file_claim(a, t->path); // only for the message of a process that comes second
    e = connect(t, a);
    if (e != NULL) {
        close_target(&t->base);
        return e;
    }
    *ret_target = &t->base;
    return NULL;
}
