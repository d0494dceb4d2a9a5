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

// The log is copied when it has grown past CHECKPOINT_IDLE_PAGES and no operation waits. When
// it has grown past CHECKPOINT_FORCED_PAGES it is copied before anything more is written.
// Pages have 4 KiB.
enum { CHECKPOINT_IDLE_PAGES = 1024, CHECKPOINT_FORCED_PAGES = 8192 };

// The size to which the log's file is cut after another program's read made it larger. While
// another program reads, SQLite cannot use the log from its start again, so the file grows
// without a bound.
enum { CHECKPOINT_KEPT_PAGES = 2 * CHECKPOINT_FORCED_PAGES };

// How often a log that is too large is looked at while nothing is written, and how often
// at most a warning about it is logged.
enum { CHECKPOINT_RETRY_US = 500 * 1000, CHECKPOINT_WARNING_US = 60 * 1000 * 1000 };

// How long a forced checkpoint waits for readers. The store's own readers are kept out by the
// gate. If another program (a backup, say) goes on reading, the log grows, and the checkpoint
// is tried again CHECKPOINT_FORCED_PAGES later.
enum { CHECKPOINT_WAIT_MS = 250 };

struct checkpointer {
    sqlite3 *db;
    struct snapshot_gate *gate;
    struct history *history;
    const char *path;
    const struct logger *log;
    int log_pages;   // in the log, as SQLite reports after each commit
    int file_pages;  // that the log's file has room for
    int next_idle;   // log_pages from which an idle checkpoint is worth trying
    int next_forced; // likewise a forced one
    int64_t next_warning_us;
    int warned_pages; // of the last warning; 0: the log is not held
};

// Takes db's WAL hook; c must outlive db, and path, the database's, and log
// outlive c. gate is closed while a checkpoint is forced; history_log_was_copied
// is called when all of the log was copied.
void checkpointer_init(struct checkpointer *c, sqlite3 *db, struct snapshot_gate *gate,
                       struct history *history, const char *path, const struct logger *log);

// To be called after each commit, outside a transaction; idle says that no
// write waits. Returns SQLITE_OK also if readers or a full disk kept some of the log
// from being copied: it is tried again. Another code means that the
// database may lack what the log is about to lose: stop writing.
int checkpointer_run(struct checkpointer *c, bool idle);

// As checkpointer_run when the log is larger than CHECKPOINT_FORCED_PAGES: frees the log's
// space on a disk that is full.
int checkpointer_force(struct checkpointer *c);

// After how many microseconds without a write checkpointer_retry is to be called;
// 0: it need not be.
int64_t checkpointer_retry_us(const struct checkpointer *c);

// Cuts the log's file to its usual size if the read that kept it large has ended. Returns as
// checkpointer_run.
int checkpointer_retry(struct checkpointer *c);

#endif
