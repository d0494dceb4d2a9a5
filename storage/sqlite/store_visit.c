#include "storage/sqlite/store_visit.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/sqlite/connection.h"
#include "storage/sqlite/opening.h"
#include "storage/sqlite/store_file.h"
#include "storage/sqlite/store_path.h"

static const struct error *check_at_rest(struct arena *a, const struct store_visit *v) {
    const struct error *e = store_file_check(a, v->path, v->fd);
    if (e != NULL) {
        return e;
    }
    struct opening o;
    sqlite3 *db = NULL;
    opening_look(&o, a, v->path, v->fd);
    int rc = o.log_bytes > 0 ? sqlite_connect_reader(v->path, &db)
                             : sqlite_connect_immutable(a, v->path, &db);
    e = rc == SQLITE_OK ? opening_check(&o, a, db, false)
                        : sqlite_error(a, db, rc, v->path, "opening it");
    sqlite3_close(db);
    return e;
}

static const struct error *look(struct arena *a, struct store_visit *v) {
    struct stat st;
    if (fstat(v->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be opened: it is no regular file", v->path);
    }
    v->is_served = flock(v->fd, LOCK_EX | LOCK_NB) != 0;
    const struct error *e = v->is_served ? NULL : check_at_rest(a, v);
    flock(v->fd, LOCK_UN); // whoever wants to serve the store may
    return e;
}

const struct error *store_visit_begin(struct arena *a, const char *path, struct store_visit *ret) {
    struct store_visit v = {.path = store_path_real(a, path)};
    v.fd = open(v.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (v.fd < 0) {
        return error_new(a, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be opened: %s", v.path, strerror(errno));
    }
    const struct error *e = look(a, &v);
    if (e != NULL) {
        close(v.fd);
        return e;
    }
    *ret = v;
    return NULL;
}

// Has SQLite remove the empty log that a connection made: it does that only where no other one, of
// whichever process, has the store open. Without their log, and its index, which has their locks, a
// freeze would hold nothing, and pages would change under a backup.
static void clear_log(struct arena *a, const struct store_visit *v) {
    struct stat st;
    sqlite3 *db = NULL;
    int64_t version = 0;
    if (flock(v->fd, LOCK_EX | LOCK_NB) != 0 || // it is served, or about to be
        stat(arena_printf(a, "%s-wal", v->path), &st) != 0 || st.st_size != 0) {
        return;
    }
    if (sqlite_connect_writer(v->path, &db) == SQLITE_OK &&
        sqlite_query_int(db, "PRAGMA user_version", &version) == SQLITE_OK) {
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    }
    sqlite3_close(db);
}

void store_visit_end(struct store_visit *v, struct arena *a) {
    clear_log(a, v);
    close(v->fd); // last: it drops what locks SQLite has on the file
}
