#include "storage/sqlite/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/thread/thread.h"
#include "storage/sqlite/companions.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/file_header.h"
#include "storage/sqlite/holder_file.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/state_file.h"
#include "storage/sqlite/store_path.h"
#include "storage/sqlite/unfinished_file.h"

// store_holder_read takes the lock for an instant to see whether it is free: a
// lock that is taken for longer than this is a server's.
enum { LOCK_TRIES = 20, LOCK_RETRY_MS = 10 };

static const char header_magic[16] = "SQLite format 3";

static const struct error *system_error(struct arena *a, const char *path, const char *doing) {
    return error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "the store \"%s\" cannot be %s: %s", path,
                     doing, strerror(errno));
}

// Makes an empty store in the file at temporary, which exists and is empty.
static const struct error *fill_new_file(struct arena *a, const char *path, const char *temporary) {
    sqlite3 *db = NULL;
    int rc = sqlite_connect_writer(temporary, &db);
    if (rc == SQLITE_OK) {
        rc = schema_create(db);
    }
    if (rc == SQLITE_OK) {
        // From its beginning, so that no rollback journal ever lies beside a store.
        rc = sqlite_run(db, "PRAGMA journal_mode=WAL");
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    }
    const struct error *e = rc == SQLITE_OK ? NULL : sqlite_error(a, db, rc, path, "making it");
    rc = sqlite3_close(db);
    if (e == NULL && rc != SQLITE_OK) {
        e = sqlite_error(a, NULL, rc, path, "making it");
    }
    return e;
}

static const struct error *make_file(struct arena *a, const char *path) {
    if (companions_log_bytes(a, path) > 0) {
        return error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                         "the store \"%s\" is missing but its write-ahead log \"%s-wal\" is there; "
                         "restore both, or remove the log to begin anew",
                         path, path);
    }
    struct state_contents state;
    if (state_file_read(a, path, &state) && state.generation > 0) {
        return error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                         "the store \"%s\" is missing but \"%s.state\" says that it had "
                         "acknowledged changes; put it back, or remove that file to begin anew",
                         path, path);
    }
    const char *restoring = arena_printf(a, "%s" UNFINISHED_RESTORE, path);
    if (access(restoring, F_OK) == 0) {
        return error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                         "the store \"%s\" is missing, and \"%s\" says that a backup is being "
                         "restored, or was not restored to the end; do that, or remove that file "
                         "to begin anew",
                         path, restoring);
    }
    char *temporary = arena_printf(a, "%s.new-XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC); // mode 0600
    if (fd < 0) {
        return system_error(a, path, "made");
    }
    close(fd);
    const struct error *e = fill_new_file(a, path, temporary);
    // EEXIST: another process was faster; its file is as good.
    if (e == NULL && link(temporary, path) != 0 && errno != EEXIST) {
        e = system_error(a, path, "made");
    }
    companions_remove_database(a, temporary);
    if (e != NULL && access(path, F_OK) == 0) {
        e = NULL; // likewise, and it took our file for one that was left behind
    }
    if (e == NULL && !store_path_sync_directory(path)) {
        e = system_error(a, path, "made");
    }
    return e;
}

static const struct error *refuse_held(struct arena *a, const char *path) {
    int64_t pid = holder_file_pid(path);
    if (pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM)) {
        return error_new(
            a, STATUS_FAILED_PRECONDITION, REASON_NONE,
            "the store \"%s\" is in use by the process %lld; one process at a time can "
            "use it",
            path, (long long)pid);
    }
    return error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                     "the store \"%s\" is in use by another process; one process at a time can use "
                     "it",
                     path);
}

const struct error *store_file_lock(struct arena *a, const char *path, int fd) {
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return system_error(a, path, "locked");
        }
        if (i == LOCK_TRIES) {
            return refuse_held(a, path);
        }
        thread_pause(LOCK_RETRY_MS * INT64_C(1000));
    }
    return NULL;
}

static const struct error *check_header(struct arena *a, const char *path, int fd,
                                        uint8_t *ret_mode) {
    uint8_t header[FILE_HEADER_BYTES];
    ssize_t n = pread(fd, header, sizeof(header), 0);
    if (n < 0) {
        return system_error(a, path, "read");
    }
    if (n < FILE_HEADER_BYTES || memcmp(header, header_magic, sizeof(header_magic)) != 0) {
        return error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                         "\"%s\" is no store: %s; it was left as it is", path,
                         n == 0                  ? "the file is empty"
                         : n < FILE_HEADER_BYTES ? "the file is too short for a database"
                                                 : "it does not begin as a SQLite database does");
    }
    uint32_t id = 0;
    for (int i = 0; i < 4; i++) {
        id = id << 8 | header[FILE_HEADER_APPLICATION_ID + i];
    }
    if (id != SCHEMA_APPLICATION_ID) {
        return error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                         "\"%s\" is no store: it is a SQLite database of another program "
                         "(application id 0x%08x, not 0x%08x); it was left as it is",
                         path, id, SCHEMA_APPLICATION_ID);
    }
    // SQLite pads a page that is cut. One can be cut only where the log, which
    // still has it whole, was being copied.
    unsigned page_size =
        (unsigned)header[FILE_HEADER_PAGE_SIZE] << 8 | header[FILE_HEADER_PAGE_SIZE + 1];
    page_size = page_size == 1 ? 65536 : page_size;
    struct stat st;
    if (page_size >= 512 && fstat(fd, &st) == 0 && st.st_size % page_size != 0 &&
        companions_log_bytes(a, path) == 0) {
        return error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                         "the store \"%s\" is damaged and was left as it is; restore a backup (its "
                         "size, %lld bytes, is no multiple of its page size, %u)",
                         path, (long long)st.st_size, page_size);
    }
    *ret_mode = header[FILE_HEADER_READ_VERSION];
    return NULL;
}

const struct error *store_file_check(struct arena *a, const char *path, int fd) {
    uint8_t mode = 0;
    const struct error *e = check_header(a, path, fd, &mode);
    return e == NULL ? companions_check(a, path, mode) : e;
}

static const struct error *open_file(struct arena *a, const char *path, bool may_make,
                                     int *ret_fd) {
    struct stat st;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT && !may_make) {
        return error_new(a, STATUS_NOT_FOUND, REASON_NONE, "there is no store \"%s\"", path);
    }
    if (fd < 0 && errno == ENOENT) {
        const struct error *e = make_file(a, path);
        if (e != NULL) {
            return e;
        }
        fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    }
    if (fd < 0) {
        return system_error(a, path, "opened");
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be opened: it is no regular file", path);
    }
    *ret_fd = fd;
    return NULL;
}

const struct error *store_file_open(struct arena *a, const char *path, bool may_make, int *ret_fd) {
    int fd = -1;
    const struct error *e = open_file(a, path, may_make, &fd);
    if (e != NULL) {
        return e;
    }
    const char *real_path = store_path_real(a, path);
    // The lock alone decides: a pid is another process's after a restart, a container's first
    // process is 1 each time.
    e = store_file_lock(a, path, fd);
    if (e != NULL && holder_file_is_own(path)) {
        return e; // fd stays open: to close it would drop the locks of this process's store
    }
    if (e == NULL) {
        companions_remove_unfinished(real_path);
        e = store_file_check(a, real_path, fd);
    }
    if (e != NULL) {
        close(fd);
        return e;
    }
    *ret_fd = fd;
    return NULL;
}
