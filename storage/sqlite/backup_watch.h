#ifndef RUNSD_STORAGE_SQLITE_BACKUP_WATCH_H
#define RUNSD_STORAGE_SQLITE_BACKUP_WATCH_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"

// What is seen to while SQLite copies a store: that what is written reaches the disk bit by bit,
// so that no commit of the store has to wait behind all of it, and that the store's log, which
// cannot be used anew meanwhile, does not fill the disk.

enum backup_end { BACKUP_GOES_ON, BACKUP_LOG_TOO_LARGE, BACKUP_DISK_FILLS_UP };

struct backup_watch {
    const char *store; // the database's path
    const char *log;   // that of its write-ahead log
    int fd;            // of the copy
    int64_t log_limit_bytes;
    int64_t log_before_bytes;
    int64_t log_bytes; // the most that was seen
    int64_t synced_bytes;
    int64_t look_us; // when it is looked again
    enum backup_end end;
};

// Begins to watch what db does, which is interrupted where it has to end: w->end then says why. It
// may have to before it begins.
// path and fd outlive the watch.
void backup_watch_begin(struct backup_watch *w, struct arena *a, sqlite3 *db, const char *path,
                        int fd, int64_t log_limit_bytes);

void backup_watch_end(struct backup_watch *w, sqlite3 *db);

#endif
