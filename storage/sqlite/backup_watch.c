#include "storage/sqlite/backup_watch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/core/clock.h"
#include "base/thread/thread.h"
#include "storage/sqlite/store_path.h"

enum {
    LOOK_INSTRUCTIONS = 500, // of SQLite's virtual machine: some 100 us
    LOOK_US = 5000,
    // What is written to the copy before it is waited for: a commit waits behind it.
    STEP_BYTES = 256 * 1024,
    // What the store's disk must have left, or its changes fail soon.
    LEAST_FREE_BYTES = 64 * 1024 * 1024,
};

static int64_t size_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

// Has what was written reach the disk, and leave the memory that the store's own pages are in. Then
// the disk is left to others for as long.
static void write_out(struct backup_watch *w) {
    struct stat st;
    if (fstat(w->fd, &st) != 0 || st.st_size - w->synced_bytes < STEP_BYTES) {
        return;
    }
    int64_t begin_us = clock_monotonic_us();
    off_t length = st.st_size - w->synced_bytes;
    sync_file_range(w->fd, w->synced_bytes, length,
                    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                        SYNC_FILE_RANGE_WAIT_AFTER);
    posix_fadvise(w->fd, w->synced_bytes, length, POSIX_FADV_DONTNEED);
    w->synced_bytes = st.st_size;
    thread_pause(clock_monotonic_us() - begin_us);
}

static enum backup_end look(struct backup_watch *w) {
    int64_t log_bytes = size_of(w->log);
    if (log_bytes > w->log_bytes) {
        w->log_bytes = log_bytes;
    }
    if (w->log_limit_bytes > 0 && log_bytes > w->log_limit_bytes) {
        return BACKUP_LOG_TOO_LARGE;
    }
    int64_t free_bytes = store_path_free_bytes(w->store);
    bool has_grown = log_bytes > w->log_before_bytes;
    return has_grown && free_bytes >= 0 && free_bytes < LEAST_FREE_BYTES ? BACKUP_DISK_FILLS_UP
                                                                         : BACKUP_GOES_ON;
}

// Called by SQLite; what is not 0 interrupts it.
static int step(void *context) {
    struct backup_watch *w = context;
    write_out(w);
    if (clock_monotonic_us() < w->look_us) {
        return 0;
    }
    w->end = look(w);
    w->look_us = clock_monotonic_us() + LOOK_US;
    return w->end != BACKUP_GOES_ON;
}

void backup_watch_begin(struct backup_watch *w, struct arena *a, sqlite3 *db, const char *path,
                        int fd, int64_t log_limit_bytes) {
    *w = (struct backup_watch){
        .store = path,
        .log = arena_printf(a, "%s-wal", path),
        .fd = fd,
        .log_limit_bytes = log_limit_bytes,
    };
    w->log_before_bytes = w->log_bytes = size_of(w->log);
    w->end = look(w);
    sqlite3_progress_handler(db, LOOK_INSTRUCTIONS, step, w);
}

void backup_watch_end(struct backup_watch *w, sqlite3 *db) {
    sqlite3_progress_handler(db, 0, NULL, NULL);
    int64_t log_bytes = size_of(w->log);
    w->log_bytes = log_bytes > w->log_bytes ? log_bytes : w->log_bytes;
}
