#ifndef RUNSD_STORAGE_SQLITE_LOG_ROOM_H
#define RUNSD_STORAGE_SQLITE_LOG_ROOM_H

#include <sqlite3.h>
#include <stdint.h>

// Enlarges the write-ahead log's file before it is needed, with zeros, which no reader and no
// recovery takes for frames (https://sqlite.org/walformat.html): a commit that overwrites blocks
// needs no change of the file system's own structures and is durable in half the time of one that
// appends.

// By how much at once, and how much of the file system must be left free.
enum { LOG_ROOM_STEP_BYTES = 1024 * 1024, LOG_ROOM_FREE_BYTES = 64 * 1024 * 1024 };

struct log_room {
    sqlite3 *db;
    const char *path; // the database's
    int64_t bytes;    // of the log's file, as far as it is known
    int64_t most;     // to which it is enlarged
};

// path outlives r.
void log_room_init(struct log_room *r, sqlite3 *db, const char *path, int64_t most_bytes);

// Makes room for a transaction on top of log_bytes, where the file's end is near. To be called
// within the transaction, so that no other program writes to the log, before it writes. It does
// without where there is no room, and takes back what it could not finish.
void log_room_reserve(struct log_room *r, int64_t log_bytes);

#endif
