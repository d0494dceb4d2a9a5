#include "storage/sqlite/log_room.h"

#include <stdbool.h>
#include <stddef.h>

#include "storage/sqlite/store_path.h"

enum { ZEROS_BYTES = 64 * 1024 };

static const char zeros[ZEROS_BYTES];

void log_room_init(struct log_room *r, sqlite3 *db, const char *path, int64_t most_bytes) {
    *r = (struct log_room){.db = db, .path = path, .most = most_bytes};
}

// NULL before the first transaction has opened it.
static sqlite3_file *log_file(const struct log_room *r) {
    sqlite3_file *file = NULL;
    sqlite3_file_control(r->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    return file != NULL && file->pMethods != NULL ? file : NULL;
}

static bool write_zeros(sqlite3_file *file, int64_t from, int64_t end) {
    int rc = SQLITE_OK;
    for (int64_t at = from; at < end && rc == SQLITE_OK; at += ZEROS_BYTES) {
        int64_t left = end - at;
        rc = file->pMethods->xWrite(file, zeros, left < ZEROS_BYTES ? (int)left : ZEROS_BYTES, at);
    }
    return rc == SQLITE_OK;
}

void log_room_reserve(struct log_room *r, int64_t log_bytes) {
    const int64_t wanted = log_bytes + LOG_ROOM_STEP_BYTES / 2;
    sqlite3_file *file;
    sqlite3_int64 size = 0;
    if (wanted <= r->bytes || wanted > r->most || (file = log_file(r)) == NULL ||
        file->pMethods->xFileSize(file, &size) != SQLITE_OK) {
        return;
    }
    const int64_t end = (wanted / LOG_ROOM_STEP_BYTES + 1) * LOG_ROOM_STEP_BYTES;
    if (size < end && store_path_free_bytes(r->path) >= LOG_ROOM_FREE_BYTES &&
        !write_zeros(file, size, end)) {
        (void)file->pMethods->xTruncate(file, size); // zeros that are left do no harm
    }
    // Not again before the log is longer, whether it went well or not.
    r->bytes = size < end ? end : size;
}
