#include "storage/sqlite/sqlite_check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/sqlite/companions.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/copy_mark.h"
#include "storage/sqlite/lineage.h"
#include "storage/sqlite/opening.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/state_file.h"
#include "storage/sqlite/store_check.h"
#include "storage/sqlite/store_file.h"
#include "storage/sqlite/store_path.h"

static void add(struct store_problems *p, const char *text) {
    if (p->count < STORE_PROBLEMS_MAX) {
        p->text[p->count++] = text;
    }
}

static const struct error *read_all(struct arena *a, sqlite3 *db, const char *path,
                                    struct store_problems *problems) {
    int64_t version = 0;
    const struct error *e = schema_check_version(a, db, path, &version);
    if (e == NULL && version < SCHEMA_VERSION) {
        e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                      "the store \"%s\" has schema version %lld, and only version %d is checked; a "
                      "start brings it forward",
                      path, (long long)version, SCHEMA_VERSION);
    }
    if (e == NULL) {
        e = copy_mark_check(a, db, path);
    }
    if (e != NULL) {
        return e;
    }
    // One snapshot for all queries, or a served store contradicts itself.
    int rc = sqlite_run(db, "BEGIN");
    if (rc == SQLITE_OK) {
        rc = store_check_all(db, a, problems);
    }
    return rc == SQLITE_OK ? NULL : sqlite_error(a, db, rc, path, "checking it");
}

// Another process holds the store: what can be asked is whether it is sound.
static const struct error *check_served(struct arena *a, const char *path,
                                        struct store_problems *problems) {
    sqlite3 *db = NULL;
    int rc = sqlite_connect_reader(path, &db);
    const struct error *e = rc == SQLITE_OK ? read_all(a, db, path, problems)
                                            : sqlite_error(a, db, rc, path, "opening it");
    sqlite3_close(db);
    return e;
}

static const struct error *check_locked(struct arena *a, struct opening *o, bool accept,
                                        struct store_problems *problems) {
    sqlite3 *db = NULL;
    // Without a log nothing is left beside the file.
    int rc = o->log_bytes > 0 ? sqlite_connect_reader(o->path, &db)
                              : sqlite_connect_immutable(a, o->path, &db);
    if (rc != SQLITE_OK) {
        const struct error *e = sqlite_error(a, db, rc, o->path, "opening it");
        sqlite3_close(db);
        return e;
    }
    const struct error *wrong = opening_check(o, a, db, accept);
    if (wrong != NULL && wrong->code == STATUS_DATA_LOSS) {
        add(problems, wrong->message);
        wrong = NULL;
    }
    struct store_problems contents = {.count = 0};
    const struct error *e = wrong != NULL ? wrong : read_all(a, db, o->path, &contents);
    for (int i = 0; i < contents.count; i++) {
        add(problems, contents.text[i]);
    }
    sqlite3_close(db);
    return e;
}

// Makes the record and PATH.state say that what the file holds is all there is.
static int write_records(struct arena *a, const struct opening *o, sqlite3 *db) {
    struct lineage next = lineage_next(&o->now);
    next.is_open = 0;
    next.inode = o->inode;
    next.schema_cookie = o->schema_cookie;
    int64_t newest = 0;
    uint64_t epoch;
    int rc = sqlite_run(db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK) {
        rc = lineage_write(db, &next);
    }
    if (rc == SQLITE_OK) {
        rc = schema_renew_epoch(db, &epoch);
    }
    if (rc == SQLITE_OK) {
        rc = schema_raise_attempt_floor(db);
    }
    if (rc == SQLITE_OK) {
        rc = schema_newest_event(db, &newest);
    }
    // Before the commit: it must never say more than the file has.
    if (rc == SQLITE_OK && unlink(arena_printf(a, "%s.state", o->path)) != 0 && errno != ENOENT) {
        rc = SQLITE_IOERR_DELETE;
    }
    if (rc == SQLITE_OK) {
        rc = sqlite_run(db, "COMMIT");
    }
    if (rc == SQLITE_OK) {
        struct state_file state;
        if (state_file_open(&state, a, o->path) == NULL) {
            state_file_note(&state, &next, newest);
            state_file_settle(&state);
        }
        state_file_close(&state);
    }
    return rc;
}

static const struct error *accept_as_is(struct arena *a, const struct opening *o) {
    sqlite3 *db = NULL;
    int rc = sqlite_connect_writer(o->path, &db);
    if (rc == SQLITE_OK) {
        rc = sqlite_use_wal(db, o->mode);
    }
    if (rc == SQLITE_OK) {
        rc = write_records(a, o, db);
    }
    const struct error *e =
        rc == SQLITE_OK ? NULL : sqlite_error(a, db, rc, o->path, "accepting it");
    if (rc == SQLITE_OK) {
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    }
    sqlite3_close(db);
    return e;
}

static bool is_locked_by_another(int fd) {
    return flock(fd, LOCK_EX | LOCK_NB) != 0;
}

const struct error *sqlite_check_store(struct arena *a, const char *path, bool accept,
                                       struct store_check_report *ret) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return error_new(a, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be opened: %s", path, strerror(errno));
    }
    struct store_problems *problems = arena_alloc(a, sizeof(*problems));
    *problems = (struct store_problems){.count = 0};
    const char *real_path = store_path_real(a, path);
    const struct error *e = NULL;
    bool is_served = is_locked_by_another(fd);
    if (is_served && accept) {
        e = error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                      "the store \"%s\" is in use by another process; stop it to accept what the "
                      "file holds",
                      path);
    } else if (is_served) {
        e = check_served(a, real_path, problems);
    } else {
        struct opening o;
        e = store_file_check(a, real_path, fd);
        if (e == NULL) {
            opening_look(&o, a, real_path, fd);
            e = check_locked(a, &o, accept, problems);
        }
        if (e == NULL && accept && problems->count == 0) {
            e = accept_as_is(a, &o);
        }
    }
    close(fd); // last: it drops what locks SQLite has on the file
    if (e == NULL) {
        *ret = (struct store_check_report){problems->text, problems->count, is_served};
    }
    return e;
}
