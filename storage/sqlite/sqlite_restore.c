#include "storage/sqlite/sqlite_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/core/memory.h"
#include "base/core/strbuf.h"
#include "storage/sqlite/companions.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/copy_check.h"
#include "storage/sqlite/copy_mark.h"
#include "storage/sqlite/lineage.h"
#include "storage/sqlite/opening.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/store_file.h"
#include "storage/sqlite/unfinished_file.h"

enum { BLOCK_BYTES = 1024 * 1024 };

// Refuses a place where any file of a store lies: all of them are named.
static const struct error *check_place(struct arena *a, const char *path) {
    static const char *const suffixes[] = {"",       "-wal",    "-shm", "-journal",
                                           ".state", ".server", ".sock"};
    struct strbuf found = STRBUF_INIT;
    struct stat st;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        const char *name = arena_printf(a, "%s%s", path, suffixes[i]);
        if (lstat(name, &st) == 0) {
            strbuf_printf(&found, "%s\"%s\"", found.len > 0 ? ", " : "", name);
        }
    }
    const struct error *e =
        found.len == 0
            ? NULL
            : error_new(a, STATUS_ALREADY_EXISTS, REASON_NONE,
                        "nothing is restored to \"%s\", where a store is, or what one left: %.*s; "
                        "end what serves it, and move all of it to another folder",
                        path, (int)found.len, (const char *)found.data);
    strbuf_release(&found);
    return e;
}

static const struct error *refuse(struct arena *a, enum status_code code, const char *file,
                                  const char *why) {
    return error_new(a, code, REASON_NONE, "the backup \"%s\" cannot be restored: %s", file, why);
}

static const struct error *open_backup(struct arena *a, const char *file, int *ret_fd) {
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return refuse(a, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE, file,
                      strerror(errno));
    }
    struct stat st;
    const struct error *e = NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        e = refuse(a, STATUS_INVALID_ARGUMENT, file,
                   S_ISDIR(st.st_mode) ? "it is a folder" : "it is no regular file");
    } else if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
        e = refuse(a, STATUS_FAILED_PRECONDITION, file,
                   "it is a store that is served; make a backup of it: runsctl store backup");
    } else if (companions_log_bytes(a, file) > 0) {
        e = refuse(a, STATUS_FAILED_PRECONDITION, file,
                   arena_printf(a,
                                "beside it lies a write-ahead log, \"%s-wal\", so it is a store "
                                "and not all of it; make a backup of it: runsctl store backup",
                                file));
    }
    if (e != NULL) {
        close(fd);
        return e;
    }
    *ret_fd = fd;
    return NULL;
}

// Looks at what the file says of itself: is it one of ours, and was it closed.
static const struct error *check_backup(struct arena *a, const char *file, int fd) {
    const struct error *e = store_file_check(a, file, fd);
    if (e != NULL) {
        return refuse(a, e->code, file, e->message);
    }
    struct opening o;
    sqlite3 *db = NULL;
    opening_look(&o, a, file, fd);
    int rc = sqlite_connect_immutable(a, file, &db);
    e = rc == SQLITE_OK ? opening_check(&o, a, db, false)
                        : sqlite_error(a, db, rc, file, "opening it");
    e = e == NULL ? copy_mark_check(a, db, file) : e;
    sqlite3_close(db);
    return e == NULL ? NULL : refuse(a, e->code, file, e->message);
}

static const struct error *copy_error(struct arena *a, const char *name, const char *doing) {
    enum status_code code =
        errno == ENOSPC || errno == EDQUOT ? STATUS_RESOURCE_EXHAUSTED : STATUS_UNAVAILABLE;
    return error_new(a, code, REASON_NONE, "\"%s\" cannot be %s: %s", name, doing, strerror(errno));
}

static bool write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return true;
}

static const struct error *copy_bytes(struct arena *a, const char *file, int from,
                                      const struct unfinished_file *to, int64_t *ret_bytes) {
    CLEANUP_FREE char *block = mem_alloc(BLOCK_BYTES);
    int64_t bytes = 0;
    for (;;) {
        ssize_t n = pread(from, block, BLOCK_BYTES, bytes);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return copy_error(a, file, "read");
        }
        if (n == 0) {
            *ret_bytes = bytes;
            return NULL;
        }
        if (!write_all(to->fd, block, (size_t)n)) {
            return copy_error(a, to->path, "written");
        }
        bytes += n;
    }
}

// What root restores is for who owns the folder: the server is seldom root.
static bool give_to_owner(const struct unfinished_file *f, struct arena *a) {
    struct stat st;
    const char *folder = dirname(arena_cstr(a, slice_of_cstr(f->target)));
    return geteuid() != 0 || (stat(folder, &st) == 0 && fchown(f->fd, st.st_uid, st.st_gid) == 0);
}

// Makes the copy a store of its own: what says of another that it is this one is void, and so is
// what clients have of it.
static int write_records(sqlite3 *db, const struct unfinished_file *f, uint64_t *ret_epoch) {
    struct stat st;
    struct lineage next = lineage_next(&(struct lineage){.generation = 0});
    if (fstat(f->fd, &st) != 0) {
        return SQLITE_IOERR_FSTAT;
    }
    next.is_open = 0;
    next.inode = (int64_t)st.st_ino;
    int rc = sqlite_query_int(db, "PRAGMA schema_version", &next.schema_cookie);
    if (rc == SQLITE_OK) {
        rc = sqlite_run(db, "BEGIN IMMEDIATE");
    }
    if (rc == SQLITE_OK) {
        rc = lineage_write(db, &next);
    }
    if (rc == SQLITE_OK) {
        rc = schema_renew_epoch(db, ret_epoch);
    }
    if (rc == SQLITE_OK) {
        rc = schema_raise_attempt_floor(db);
    }
    return rc == SQLITE_OK ? sqlite_run(db, "COMMIT") : rc;
}

static const struct error *make_own(struct arena *a, const struct unfinished_file *f,
                                    uint64_t *ret_epoch) {
    sqlite3 *db = NULL;
    int rc = sqlite_connect_writer(f->path, &db);
    if (rc == SQLITE_OK) {
        // Nobody takes the file for a store if this is killed, so it needs no journal.
        rc = sqlite_run(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY");
    }
    if (rc == SQLITE_OK) {
        rc = write_records(db, f, ret_epoch);
    }
    const struct error *e =
        rc == SQLITE_OK ? NULL : sqlite_error(a, db, rc, f->path, "making it a store of its own");
    sqlite3_close(db);
    return e;
}

// Fills the unfinished store from the backup. What was copied is checked, not what was read.
static const struct error *fill(struct arena *a, const char *file, int fd,
                                const struct unfinished_file *f, struct store_restore *ret) {
    struct copy_contents contents = {0};
    const struct error *e = copy_bytes(a, file, fd, f, &ret->bytes);
    if (e == NULL && fsync(f->fd) != 0) {
        e = copy_error(a, f->path, "synced");
    }
    if (e == NULL) {
        posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED);
        e = copy_check(a, f->path, file, &contents);
    }
    if (e == NULL) {
        e = make_own(a, f, &ret->epoch);
    }
    if (e == NULL && !give_to_owner(f, a)) {
        e = copy_error(a, f->path, "given to the owner of its folder");
    }
    ret->runs = contents.runs;
    ret->newest_event = contents.newest_event;
    ret->schema = (int)contents.schema;
    return e;
}

static const struct error *restore(struct arena *a, const char *path, const char *file, int fd,
                                   struct store_restore *ret) {
    struct stat st;
    const struct error *e = check_backup(a, file, fd);
    if (e == NULL) {
        e = unfinished_file_check_room(a, path, fstat(fd, &st) == 0 ? st.st_size : 0);
    }
    struct unfinished_file f;
    if (e == NULL) {
        e = unfinished_file_open(a, path, UNFINISHED_RESTORE, &f);
    }
    if (e != NULL) {
        return e;
    }
    e = fill(a, file, fd, &f, ret);
    if (e == NULL) {
        e = check_place(a, path); // again: checking the copy may have taken minutes
    }
    if (e == NULL) {
        e = unfinished_file_publish(&f, a, false);
    }
    unfinished_file_close(&f, a);
    return e;
}

const struct error *sqlite_restore_store(struct arena *a, const char *path, const char *file,
                                         struct store_restore *ret) {
    int fd = -1;
    const struct error *e = check_place(a, path);
    if (e == NULL) {
        e = open_backup(a, file, &fd);
    }
    if (e != NULL) {
        return e;
    }
    struct store_restore done = {0};
    e = restore(a, path, file, fd, &done);
    close(fd);
    if (e == NULL) {
        *ret = done;
    }
    return e;
}
