#include "storage/sqlite/sqlite_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "storage/sqlite/backup_watch.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/copy_check.h"
#include "storage/sqlite/copy_mark.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/store_visit.h"
#include "storage/sqlite/unfinished_file.h"

// A backup on its way.
struct backup {
    const struct store_backup_options *options;
    struct store_visit store;
    sqlite3 *db; // of the store
    struct unfinished_file copy;
    struct store_backup done;
};

// Returns where file is, or will be, with the links of its folder followed; NULL, with errno, if
// there is no such folder.
static const char *place_of(struct arena *a, const char *file) {
    char real[PATH_MAX];
    const char *folder = dirname(arena_cstr(a, slice_of_cstr(file)));
    const char *name = basename(arena_cstr(a, slice_of_cstr(file)));
    if (realpath(folder, real) == NULL) {
        return NULL;
    }
    return arena_printf(a, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
}

// Whether place is the store's file, or has a name that the store gives to files beside it.
static bool is_of_store(const char *path, const char *place) {
    static const char *const suffixes[] = {"",       "-wal",    "-shm",  "-journal",
                                           ".state", ".server", ".sock", ".frozen"};
    size_t len = strlen(path);
    if (strncmp(path, place, len) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (strcmp(place + len, suffixes[i]) == 0) {
            return true;
        }
    }
    return strncmp(place + len, ".new-", 5) == 0;
}

static const struct error *refuse_place(struct arena *a, const char *file, const char *why) {
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE, "\"%s\" cannot be a backup: %s", file,
                     why);
}

// Whether a process serves the store that the file may be.
static bool is_served(const char *file) {
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool result = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

// Looks at the file that is to be replaced, whose status is st.
static const struct error *check_replaced(struct arena *a, const struct backup *b,
                                          const struct stat *st) {
    const char *file = b->options->file;
    struct stat target;
    struct stat store;
    if (!S_ISREG(st->st_mode)) {
        return refuse_place(a, file,
                            S_ISDIR(st->st_mode)
                                ? "it is a folder; name a file in it, or give --keep"
                                : "it is there and no regular file");
    }
    if (stat(file, &target) == 0 && stat(b->store.path, &store) == 0 &&
        target.st_ino == store.st_ino && target.st_dev == store.st_dev) {
        return refuse_place(a, file, "it is the store itself");
    }
    if (!b->options->replaces) {
        return error_new(a, STATUS_ALREADY_EXISTS, REASON_NONE,
                         "\"%s\" is there already, and was left as it is; name another file, or "
                         "replace it with --force",
                         file);
    }
    return is_served(file)
               ? error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                           "\"%s\" is a store that is served; it was left as it is", file)
               : NULL;
}

// Looks whether the backup may be written where it is to be.
static const struct error *check_place(struct arena *a, const struct backup *b) {
    const char *file = b->options->file;
    const char *place = place_of(a, file);
    struct stat st;
    if (file[0] == '\0' || place == NULL) {
        return refuse_place(a, file, file[0] == '\0' ? "it has no name" : strerror(errno));
    }
    if (is_of_store(b->store.path, place)) {
        return refuse_place(a, file, "it is one of the store's own files");
    }
    // What lies there belongs to a store of that name, and would be taken for the backup's.
    static const char *const suffixes[] = {"-wal", "-journal", ".state"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        const char *beside = arena_printf(a, "%s%s", file, suffixes[i]);
        if (lstat(beside, &st) == 0) {
            return refuse_place(
                a, file, arena_printf(a, "\"%s\" lies there, of a store of that name", beside));
        }
    }
    return lstat(file, &st) == 0 ? check_replaced(a, b, &st) : NULL;
}

// Opens the store for reading; the copy of it is written by the same connection.
static const struct error *open_store(struct arena *a, struct backup *b) {
    int64_t version = 0;
    int rc = sqlite_connect_reader(b->store.path, &b->db);
    if (rc == SQLITE_OK) {
        rc = sqlite_run(b->db, "PRAGMA query_only=OFF");
    }
    const struct error *e = rc == SQLITE_OK
                                ? schema_check_version(a, b->db, b->store.path, &version)
                                : sqlite_error(a, b->db, rc, b->store.path, "opening it");
    return e == NULL ? copy_mark_check(a, b->db, b->store.path) : e;
}

// The copy has all pages of the store but those that are free.
static const struct error *check_room(struct arena *a, struct backup *b) {
    int64_t bytes = 0;
    int rc = sqlite_query_int(b->db,
                              "SELECT (page_count-freelist_count)*page_size FROM"
                              " pragma_page_count, pragma_freelist_count, pragma_page_size",
                              &bytes);
    return rc == SQLITE_OK ? unfinished_file_check_room(a, b->options->file, bytes)
                           : sqlite_error(a, b->db, rc, b->store.path, "reading its size");
}

static const struct error *explain_end(struct arena *a, const struct backup *b,
                                       const struct backup_watch *w) {
    const char *what =
        w->end == BACKUP_LOG_TOO_LARGE
            ? arena_printf(a, "more than the limit of %lld bytes (--log-limit-bytes)",
                           (long long)w->log_limit_bytes)
            : "and the store's disk has hardly any room left";
    return error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_NONE,
                     "the backup of \"%s\" was given up, and nothing is left of it: the store's "
                     "log has %lld bytes now, %s",
                     b->store.path, (long long)w->log_bytes, what);
}

static int vacuum_into(struct backup *b) {
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(b->db, "VACUUM INTO ?1", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        sqlite_bind_text(s, 1, slice_of_cstr(b->copy.path));
        rc = sqlite3_step(s);
        rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    sqlite3_finalize(s);
    return rc;
}

static const struct error *copy(struct arena *a, struct backup *b) {
    struct backup_watch watch;
    int64_t begin_us = clock_monotonic_us();
    backup_watch_begin(&watch, a, b->db, b->store.path, b->copy.fd, b->options->log_limit_bytes);
    int rc = watch.end == BACKUP_GOES_ON ? vacuum_into(b) : SQLITE_INTERRUPT;
    backup_watch_end(&watch, b->db);
    b->done.copied_us = clock_monotonic_us() - begin_us;
    b->done.log_before_bytes = watch.log_before_bytes;
    b->done.log_bytes = watch.log_bytes;
    if (watch.end != BACKUP_GOES_ON) {
        return explain_end(a, b, &watch);
    }
    if ((rc & 0xFF) == SQLITE_FULL) {
        return error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_NONE,
                         "\"%s\" cannot be written: its disk, or its quota, is full; nothing is "
                         "left of it",
                         b->options->file);
    }
    return rc == SQLITE_OK ? NULL : sqlite_error(a, b->db, rc, b->store.path, "copying it");
}

// Reads what was written, as it is on the disk.
static const struct error *verify(struct arena *a, struct backup *b) {
    struct stat st;
    int64_t begin_us = clock_monotonic_us();
    if (fsync(b->copy.fd) != 0 || fstat(b->copy.fd, &st) != 0) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "\"%s\" cannot be synced: %s",
                         b->copy.path, strerror(errno));
    }
    posix_fadvise(b->copy.fd, 0, 0, POSIX_FADV_DONTNEED);
    struct copy_contents contents = {0};
    const struct error *e = copy_check(a, b->copy.path, b->copy.path, &contents);
    b->done.bytes = st.st_size;
    b->done.runs = contents.runs;
    b->done.newest_event = contents.newest_event;
    b->done.verified_us = clock_monotonic_us() - begin_us;
    return e;
}

static const struct error *write_copy(struct arena *a, struct backup *b) {
    const struct error *e = unfinished_file_open(a, b->options->file, UNFINISHED_BACKUP, &b->copy);
    if (e != NULL) {
        return e;
    }
    e = copy(a, b);
    sqlite3_close(b->db); // the store's log can be used anew
    b->db = NULL;
    if (e == NULL) {
        e = verify(a, b);
    }
    if (e == NULL) {
        e = unfinished_file_publish(&b->copy, a, b->options->replaces);
    }
    unfinished_file_close(&b->copy, a);
    return e;
}

static const struct error *back_up(struct arena *a, struct backup *b) {
    const struct error *e = check_place(a, b);
    if (e == NULL) {
        e = open_store(a, b);
    }
    if (e == NULL) {
        e = check_room(a, b);
    }
    if (e == NULL) {
        e = write_copy(a, b);
    }
    sqlite3_close(b->db);
    return e;
}

const struct error *sqlite_backup_store(struct arena *a, const char *path,
                                        const struct store_backup_options *options,
                                        struct store_backup *ret) {
    struct backup b = {.options = options};
    const struct error *e = store_visit_begin(a, path, &b.store);
    if (e != NULL) {
        return e;
    }
    b.done.is_served = b.store.is_served;
    e = back_up(a, &b);
    store_visit_end(&b.store, a);
    if (e == NULL) {
        *ret = b.done;
    }
    return e;
}
