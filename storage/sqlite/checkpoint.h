#ifndef RUNSD_STORAGE_SQLITE_CHECKPOINT_H
#define RUNSD_STORAGE_SQLITE_CHECKPOINT_H

#include <sqlite3.h>
#include <stdbool.h>

#include "storage/sqlite/snapshot_gate.h"

// When the write-ahead log is copied into the database. Only the one
// connection that writes does it, on the writer's thread: SQLite before 3.51.3
// can damage the file if two connections write or checkpoint at once
// (https://sqlite.org/wal.html#walresetbug).

// The log is copied when it has grown past the first and nobody waits, and at
// any rate, before anything more is written, when it has grown past the second.
// Both are in pages of 4 KiB.
enum { CHECKPOINT_IDLE_PAGES = 1024, CHECKPOINT_FORCED_PAGES = 8192 };

// How long a forced checkpoint waits for readers. Ours is kept out; where
// another program (a backup, say) reads on, the log grows and it is tried again
// CHECKPOINT_FORCED_PAGES later.
enum { CHECKPOINT_WAIT_MS = 250 };

struct checkpointer {
    sqlite3 *db;
    struct snapshot_gate *gate;
    int log_pages;   // in the log, told by SQLite after each commit
    int next_idle;   // log_pages from which an idle checkpoint is worth trying
    int next_forced; // likewise a forced one
};

// Takes db's WAL hook; c must outlive db. gate is closed while a checkpoint is
// forced.
void checkpointer_init(struct checkpointer *c, sqlite3 *db, struct snapshot_gate *gate);

// To be called after each commit, outside a transaction; idle says that no
// write waits. Returns SQLITE_OK also where readers or a full disk kept the log
// from being copied whole: it is tried again. Another code means that the
// database may not hold what the log is about to lose: stop writing.
int checkpointer_run(struct checkpointer *c, bool idle);

// As checkpointer_run where the log has reached its bound: frees the log's
// space, for a disk that is full.
int checkpointer_force(struct checkpointer *c);

#endif
