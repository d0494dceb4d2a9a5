#include "storage/sqlite/store_visit.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/sqlite/companions.h"
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
    v->had_log = access(arena_printf(a, "%s-wal", v->path), F_OK) == 0;
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

// Removes the empty log that a connection made, unless somebody has begun to use the store.
static void clear_log(struct arena *a, const struct store_visit *v) {
    struct stat st;
    const char *log = arena_printf(a, "%s-wal", v->path);
    if (!v->had_log && flock(v->fd, LOCK_EX | LOCK_NB) == 0 && stat(log, &st) == 0 &&
        st.st_size == 0) {
        companions_remove_beside(a, v->path);
    }
}

void store_visit_end(struct store_visit *v, struct arena *a) {
    clear_log(a, v);
    close(v->fd); // last: it drops what locks SQLite has on the file
}
