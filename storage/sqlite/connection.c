#include "storage/sqlite/connection.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/core/strbuf.h"
#include "storage/sqlite/file_header.h"

// mmap is off because an I/O error would be a SIGBUS; the cell check finds
// damage that would otherwise be read as data.
static const char *const common_pragmas = "PRAGMA mmap_size=0;"
                                          "PRAGMA cell_size_check=ON;"
                                          "PRAGMA trusted_schema=OFF;"
                                          "PRAGMA temp_store=MEMORY;";

// SQLite counts each allocation of all connections behind one lock, which the threads that read
// and write would meet at all the time; nothing asks for the counts. Refused, and then of no
// consequence, if something in the process has used SQLite before.
static void configure(void) {
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int connect(const char *path, int flags, const char *pragmas, sqlite3 **ret_db) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure);
    int rc =
        sqlite3_open_v2(path, ret_db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }
    sqlite3_db_config(*ret_db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_busy_timeout(*ret_db, SQLITE_BUSY_TIMEOUT_MS);
    rc = sqlite_run(*ret_db, common_pragmas);
    return rc == SQLITE_OK ? sqlite_run(*ret_db, pragmas) : rc;
}

int sqlite_connect_writer(const char *path, sqlite3 **ret_db) {
    // Debian's SQLite overwrites with zeros what is deleted; pages that become free it would have
    // to write for that alone, as many as a migration drops.
    return connect(path, SQLITE_OPEN_READWRITE,
                   "PRAGMA synchronous=FULL;"
                   "PRAGMA secure_delete=FAST;"
                   "PRAGMA wal_autocheckpoint=0;"
                   "PRAGMA cache_size=-8192;",
                   ret_db);
}

int sqlite_connect_reader(const char *path, sqlite3 **ret_db) {
    return connect(path, SQLITE_OPEN_READONLY,
                   "PRAGMA query_only=ON;"
                   "PRAGMA cache_size=-8192;",
                   ret_db);
}

int sqlite_connect_alone(const char *path, sqlite3 **ret_db) {
    // Exclusive from the first access on, the log's index is kept in memory:
    // https://sqlite.org/wal.html#noshm
    return connect(path, SQLITE_OPEN_READWRITE,
                   "PRAGMA locking_mode=EXCLUSIVE;"
                   "PRAGMA query_only=ON;"
                   "PRAGMA cache_size=-8192;",
                   ret_db);
}

// Appends path as https://sqlite.org/uri.html wants it.
static void append_escaped(struct strbuf *b, const char *path) {
    for (const char *p = path; *p != '\0'; p++) {
        if (strchr("%?#", *p) != NULL) {
            strbuf_printf(b, "%%%02X", (unsigned char)*p);
        } else {
            strbuf_printf(b, "%c", *p);
        }
    }
}

int sqlite_connect_immutable(struct arena *a, const char *path, sqlite3 **ret_db) {
    struct strbuf uri = STRBUF_INIT;
    strbuf_printf(&uri, "file:%s", path[0] == '/' ? "" : "./");
    append_escaped(&uri, path);
    strbuf_printf(&uri, "?immutable=1");
    const char *name = arena_cstr(a, strbuf_slice(&uri));
    strbuf_release(&uri);
    return connect(name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, "PRAGMA query_only=ON;", ret_db);
}

int sqlite_limit_cache(sqlite3 *db, int64_t bytes) {
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA cache_size=-%" PRId64, bytes / 1024 + 1);
    return sqlite_run(db, sql);
}

int sqlite_run(sqlite3 *db, const char *sql) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

// Runs SQL to its first row, which is *ret_row until sqlite3_finalize; SQLITE_ROW if there is one.
static int run_to_row(sqlite3 *db, const char *sql, sqlite3_stmt **ret_row) {
    int rc = sqlite3_prepare_v2(db, sql, -1, ret_row, NULL);
    return rc == SQLITE_OK ? sqlite3_step(*ret_row) : rc;
}

int sqlite_query_int(sqlite3 *db, const char *sql, int64_t *ret) {
    sqlite3_stmt *row = NULL;
    int rc = run_to_row(db, sql, &row);
    if (rc == SQLITE_ROW) {
        *ret = sqlite3_column_int64(row, 0);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(row);
    return rc;
}

int sqlite_query_blob(sqlite3 *db, const char *sql, void *ret, size_t len) {
    sqlite3_stmt *row = NULL;
    int rc = run_to_row(db, sql, &row);
    if (rc == SQLITE_ROW && (size_t)sqlite3_column_bytes(row, 0) == len) {
        memcpy(ret, sqlite3_column_blob(row, 0), len);
        rc = SQLITE_OK;
    } else if (rc == SQLITE_ROW) {
        rc = SQLITE_CORRUPT;
    }
    sqlite3_finalize(row);
    return rc;
}

int sqlite_prepare_all(sqlite3 *db, const char *const *sql, int count,
                       sqlite3_stmt **ret_statements) {
    memset(ret_statements, 0, (size_t)count * sizeof(ret_statements[0]));
    for (int i = 0; i < count; i++) {
        int rc =
            sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &ret_statements[i], NULL);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }
    return SQLITE_OK;
}

void sqlite_finalize_all(sqlite3_stmt **statements, int count) {
    for (int i = 0; i < count; i++) {
        sqlite3_finalize(statements[i]);
        statements[i] = NULL;
    }
}

int sqlite_step_once(sqlite3_stmt *s) {
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

const char *sqlite_failure_text(struct arena *a, sqlite3 *db, int rc, const char *doing) {
    int system_error = db != NULL ? sqlite3_system_errno(db) : 0;
    return arena_printf(
        a, "%s: SQLite code %d (%s)%s%s", doing, rc,
        db != NULL && sqlite3_extended_errcode(db) == rc ? sqlite3_errmsg(db) : sqlite3_errstr(rc),
        system_error != 0 ? ": " : "", system_error != 0 ? strerror(system_error) : "");
}

const struct error *sqlite_error(struct arena *a, sqlite3 *db, int rc, const char *path,
                                 const char *doing) {
    const char *text = sqlite_failure_text(a, db, rc, doing);
    int primary = rc & 0xFF;
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
        return error_new(a, STATUS_DATA_LOSS, REASON_NONE,
                         "the store \"%s\" is damaged and was left as it is; restore a backup (%s)",
                         path, text);
    }
    if (rc == SQLITE_READONLY_DIRECTORY) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "the store \"%s\" cannot be opened: its directory, where its write-ahead "
                         "log goes, cannot be written",
                         path);
    }
    if (sqlite_refusal(db, rc, SQLITE_BEFORE_COMMIT) == STORE_DISK_FULL) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_DISK_FULL,
                         "the store \"%s\" cannot be opened: its disk, or its quota, is full (%s)",
                         path, text);
    }
    return error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "the store \"%s\" cannot be opened (%s)",
                     path, text);
}

static bool is_no_room(int error_number) {
    return error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
}

// Whether a write failed for want of room though SQLite, which knows ENOSPC alone, says
// SQLITE_IOERR_WRITE. Only the file itself knows: a failed COMMIT leaves
// sqlite3_system_errno as it was.
static bool write_had_no_room(sqlite3 *db, enum sqlite_place place) {
    sqlite3_file *file = NULL;
    int error_number = 0;
    sqlite3_file_control(db, "main",
                         place == SQLITE_IN_CHECKPOINT ? SQLITE_FCNTL_FILE_POINTER
                                                       : SQLITE_FCNTL_JOURNAL_POINTER,
                         &file);
    if (file != NULL && file->pMethods != NULL) {
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error_number);
    }
    return is_no_room(error_number);
}

// Whether rc is a failure to make or enlarge the index that connections share (-shm).
static bool is_of_shared_index(int rc) {
    return rc == SQLITE_IOERR_SHMSIZE || rc == SQLITE_IOERR_SHMOPEN || rc == SQLITE_IOERR_SHMMAP;
}

enum store_result sqlite_refusal(sqlite3 *db, int rc, enum sqlite_place place) {
    bool no_room = false;
    if (db == NULL) {
        return STORE_UNAVAILABLE;
    }
    switch (rc & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STORE_LOCKED;
    case SQLITE_FULL:
        // A write failed. The frame that commits is written last, and its checksum covers all
        // of it: cut off, no reader and no recovery takes it for one.
        no_room = true;
        break;
    case SQLITE_CANTOPEN:
        no_room = place == SQLITE_BEFORE_COMMIT && is_no_room(sqlite3_system_errno(db));
        break;
    case SQLITE_IOERR:
        // In a commit the index grows after the frames were written and synced; and a sync
        // that failed for want of room says nothing of what is on the disk.
        no_room = rc == SQLITE_IOERR_WRITE
                      ? write_had_no_room(db, place)
                      : is_of_shared_index(rc) && place == SQLITE_BEFORE_COMMIT &&
                            is_no_room(sqlite3_system_errno(db));
        break;
    default:
        break;
    }
    return no_room ? STORE_DISK_FULL : STORE_UNAVAILABLE;
}

// The answer is the mode that holds, which a file system without shared memory
// keeps at another.
int sqlite_use_wal(sqlite3 *db, uint8_t mode) {
    // A file that has no log yet (VACUUM INTO) is changed in a few bytes of its first
    // sector. They need no rollback journal, which a later start would have to take
    // for another database's.
    int rc = mode == FILE_MODE_JOURNAL ? sqlite_run(db, "PRAGMA journal_mode=MEMORY") : SQLITE_OK;
    if (rc != SQLITE_OK) {
        return rc;
    }
    sqlite3_stmt *row = NULL;
    rc = run_to_row(db, "PRAGMA journal_mode=WAL", &row);
    if (rc == SQLITE_ROW) {
        const char *held = (const char *)sqlite3_column_text(row, 0);
        rc = held != NULL && strcmp(held, "wal") == 0 ? SQLITE_OK : SQLITE_CANTOPEN;
    }
    sqlite3_finalize(row);
    return rc;
}

// SQLite takes a NULL pointer for the value NULL.
static const void *bytes_of(struct slice value) {
    return value.len > 0 ? (const void *)value.data : "";
}

int sqlite_bind_text(sqlite3_stmt *s, int index, struct slice value) {
    return sqlite3_bind_text64(s, index, bytes_of(value), value.len, SQLITE_STATIC, SQLITE_UTF8);
}

int sqlite_bind_blob(sqlite3_stmt *s, int index, struct slice value) {
    return sqlite3_bind_blob64(s, index, bytes_of(value), value.len, SQLITE_STATIC);
}

struct slice sqlite_column_peek(sqlite3_stmt *s, int column) {
    const void *data = sqlite3_column_blob(s, column);
    return slice_of(data, (size_t)sqlite3_column_bytes(s, column));
}

struct slice sqlite_column_slice(struct arena *a, sqlite3_stmt *s, int column) {
    return arena_copy(a, sqlite_column_peek(s, column));
}
