#include "storage/sqlite/companions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/sqlite/connection.h"
#include "storage/sqlite/file_header.h"
#include "storage/sqlite/schema.h"

static const struct error *check_kind(struct arena *a, const char *path, const char *companion) {
    struct stat st;
    if (lstat(companion, &st) != 0) {
        return NULL; // there is none, or SQLite reports why it cannot be reached
    }
    if (!S_ISREG(st.st_mode)) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be opened: \"%s\" is no regular file; move it "
                         "away if it is not the store's",
                         path, companion);
    }
    if (access(companion, R_OK | W_OK) != 0) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be opened: \"%s\", owned by user %u, cannot be "
                         "read and written: %s",
                         path, companion, (unsigned)st.st_uid, strerror(errno));
    }
    return NULL;
}

// SQLite takes a journal whose first byte is not 0 for what a crash left.
static const struct error *check_journal(struct arena *a, const char *path, const char *journal) {
    int fd = open(journal, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char first = 0;
    bool is_hot = fd >= 0 && pread(fd, &first, 1, 0) == 1 && first != 0;
    if (fd >= 0) {
        close(fd);
    }
    if (!is_hot) {
        return NULL;
    }
    return error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                     "the store \"%s\" was left as it is: beside it lies a rollback journal, "
                     "\"%s\", which would undo changes and which this program never leaves; move "
                     "it away if it belongs to another database, else restore a backup",
                     path, journal);
}

// Whether the file holds no log, whatever its size: SQLite takes nothing for one that does not
// begin with the log's header, which is on the disk before the first frame is written.
static bool is_blank(const char *log) {
    static const char blank[32];
    char header[sizeof(blank)];
    int fd = open(log, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool result = fd >= 0 && pread(fd, header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
                  memcmp(header, blank, sizeof(blank)) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

int64_t companions_log_bytes(struct arena *a, const char *path) {
    const char *log = arena_printf(a, "%s-wal", path);
    struct stat st;
    return stat(log, &st) == 0 && !is_blank(log) ? (int64_t)st.st_size : 0;
}

const struct error *companions_check(struct arena *a, const char *path, uint8_t mode) {
    static const char *const suffixes[] = {"-journal", "-wal", "-shm", ".state"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        const struct error *e = check_kind(a, path, arena_printf(a, "%s%s", path, suffixes[i]));
        if (e != NULL) {
            return e;
        }
    }
    const struct error *e = check_journal(a, path, arena_printf(a, "%s-journal", path));
    if (e == NULL && mode != FILE_MODE_LOG && companions_log_bytes(a, path) > 0) {
        e = error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                      "the store \"%s\" was left as it is: beside it lies a write-ahead log, "
                      "\"%s-wal\", but the file is a copy that has none; move the log away if the "
                      "file is a backup that you restored",
                      path, path);
    }
    return e;
}

// Whether the file is a store in the making: empty, another name of the store
// itself, or a database without a run.
static bool is_unfinished(struct arena *a, const char *path, const char *temporary) {
    struct stat st;
    struct stat store;
    if (lstat(temporary, &st) != 0 || !S_ISREG(st.st_mode)) {
        return false;
    }
    if (st.st_size == 0 ||
        (stat(path, &store) == 0 && store.st_ino == st.st_ino && store.st_dev == st.st_dev)) {
        return true;
    }
    sqlite3 *db = NULL;
    int64_t value = 0;
    int rc = sqlite_connect_immutable(a, temporary, &db);
    if (rc == SQLITE_OK) {
        rc = sqlite_query_int(db, "PRAGMA application_id", &value);
    }
    bool is_ours = rc == SQLITE_OK && (value == SCHEMA_APPLICATION_ID || value == 0);
    // An error says that the tables are not made yet.
    bool has_runs = is_ours && sqlite_query_int(db, "SELECT 1 FROM run", &value) == SQLITE_OK;
    sqlite3_close(db);
    return is_ours && !has_runs;
}

// Whether name is one that mkostemp(3) made of base.
static bool is_temporary_name(const char *name, const char *base) {
    static const char infix[] = ".new-";
    size_t len = strlen(base);
    return strncmp(name, base, len) == 0 && strncmp(name + len, infix, sizeof(infix) - 1) == 0 &&
           strlen(name + len) == sizeof(infix) - 1 + 6;
}

void companions_remove_beside(struct arena *a, const char *path) {
    static const char *const suffixes[] = {"-journal", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        unlink(arena_printf(a, "%s%s", path, suffixes[i]));
    }
}

void companions_remove_database(struct arena *a, const char *path) {
    unlink(path);
    companions_remove_beside(a, path);
}

void companions_remove_unfinished(const char *path) {
    struct arena a;
    arena_init(&a);
    char *directory_name = arena_cstr(&a, slice_of_cstr(path));
    directory_name = dirname(directory_name);
    const char *base = basename(arena_cstr(&a, slice_of_cstr(path)));
    DIR *directory = opendir(directory_name);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        const char *name = arena_printf(&a, "%s/%s", directory_name, entry->d_name);
        if (is_temporary_name(entry->d_name, base) && is_unfinished(&a, path, name)) {
            companions_remove_database(&a, name);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    arena_release(&a);
}
