#ifndef RUNSD_STORAGE_SQLITE_CHECKPOINT_H
#define RUNSD_STORAGE_SQLITE_CHECKPOINT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log/log.h"
#include "storage/sqlite/history.h"
#include "storage/sqlite/snapshot_gate.h"

// When the write-ahead log is copied into the database. Only the one
// connection that writes does it, on the writer's thread: SQLite before 3.51.3
// can damage the file if two connections write or checkpoint at once
// (https://sqlite.org/wal.html#walresetbug).

// The log is copied when it has grown past the first and nobody waits, and at
// any rate, before anything more is written, when it has grown past the second.
// Both are in pages of 4 KiB.
enum { CHECKPOINT_IDLE_PAGES = 1024, CHECKPOINT_FORCED_PAGES = 8192 };

// What the log's file shrinks to once what made it larger is over: another program
// that reads keeps the log from being used from its start again, for as long as it
// reads, and no bound holds meanwhile.
enum { CHECKPOINT_KEPT_PAGES = 2 * CHECKPOINT_FORCED_PAGES };

// How often a log that is too large is looked at while nobody writes, and how often
// at most a warning tells of it.
enum { CHECKPOINT_RETRY_US = 500 * 1000, CHECKPOINT_WARNING_US = 60 * 1000 * 1000 };

// How long a forced checkpoint waits for readers. Ours is kept out; where
// another program (a backup, say) reads on, the log grows and it is tried again
// CHECKPOINT_FORCED_PAGES later.
enum { CHECKPOINT_WAIT_MS = 250 };

struct checkpointer {
    sqlite3 *db;
    struct snapshot_gate *gate;
    struct history *history;
    const char *path;
    const struct logger *log;
    int log_pages;   // in the log, told by SQLite after each commit
    int file_pages;  // that the log's file has room for
    int next_idle;   // log_pages from which an idle checkpoint is worth trying
    int next_forced; // likewise a forced one
    int64_t next_warning_us;
    int warned_pages; // of the last warning; 0: the log is not held
};

// Takes db's WAL hook; c must outlive db, and path, the database's, and log
// outlive c. gate is closed while a checkpoint is forced; history is told when the
// log was copied whole.
void checkpointer_init(struct checkpointer *c, sqlite3 *db, struct snapshot_gate *gate,
                       struct history *history, const char *path, const struct logger *log);

// To be called after each commit, outside a transaction; idle says that no
// write waits. Returns SQLITE_OK also where readers or a full disk kept the log
// from being copied whole: it is tried again. Another code means that the
// database may not hold what the log is about to lose: stop writing.
int checkpointer_run(struct checkpointer *c, bool idle);

// As checkpointer_run where the log has reached its bound: frees the log's
// space, for a disk that is full.
int checkpointer_force(struct checkpointer *c);

// After how many microseconds without a write checkpointer_retry is to be called;
// 0: it need not be.
int64_t checkpointer_retry_us(const struct checkpointer *c);

// Shrinks the log's file if nobody reads any more what keeps it large. Returns as
// checkpointer_run.
int checkpointer_retry(struct checkpointer *c);

#endif
