#ifndef RUNSD_STORAGE_SQLITE_CHECKPOINT_H
#define RUNSD_STORAGE_SQLITE_CHECKPOINT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log/log.h"
#include "storage/sqlite/background_sync.h"
#include "storage/sqlite/history.h"
#include "storage/sqlite/log_pin.h"
#include "storage/sqlite/log_room.h"
#include "storage/sqlite/snapshot_gate.h"
#include "storage/sqlite/store_failure.h"

// When the write-ahead log is copied into the database. Only the one
// connection that writes does it, on the writer's thread: SQLite before 3.51.3
// can damage the file if two connections write or checkpoint at once
// (https://sqlite.org/wal.html#walresetbug).
//
// No commit waits for a whole checkpoint. The log is copied in pieces between commits, each as far
// as a pin; a thread syncs the database meanwhile. Only when the log is to be used from its start
// again the rest is copied, with a sync by SQLite itself that has little left to write.

// A piece is copied for each CHECKPOINT_PIECE_PAGES that were written, and the database synced in
// the background once CHECKPOINT_SYNC_PAGES were copied. At CHECKPOINT_RESTART_PAGES the log begins
// anew, as soon as no more than CHECKPOINT_LAST_PAGES are left to copy or to sync, at the latest
// CHECKPOINT_LATE_PAGES further on. Pages have 4 KiB.
enum {
    CHECKPOINT_PIECE_PAGES = 512,
    CHECKPOINT_SYNC_PAGES = 512,
    CHECKPOINT_RESTART_PAGES = 4096,
    CHECKPOINT_LAST_PAGES = 128,
    CHECKPOINT_LATE_PAGES = 1024,
};

// Another program that reads keeps SQLite from using the log from its start again, and the file
// grows without a bound. Beginning anew is tried again for each CHECKPOINT_RETRY_PAGES; from
// CHECKPOINT_HELD_PAGES on the log warns of it. Afterwards the file is cut to
// CHECKPOINT_KEPT_PAGES.
enum {
    CHECKPOINT_RETRY_PAGES = 1024,
    CHECKPOINT_HELD_PAGES = 2 * CHECKPOINT_RESTART_PAGES,
    CHECKPOINT_KEPT_PAGES = 2 * CHECKPOINT_RESTART_PAGES,
};

// How often a log that is too large is looked at while nothing is written, and how often
// at most a warning about it is logged.
enum { CHECKPOINT_RETRY_US = 500 * 1000, CHECKPOINT_WARNING_US = 60 * 1000 * 1000 };

// How long beginning anew waits for other programs' readers. The store's own are kept out by the
// gate.
enum { CHECKPOINT_WAIT_MS = 5 };

struct checkpointer {
    sqlite3 *db;
    struct snapshot_gate *gate;
    struct history *history;
    const char *path;
    struct store_failure *failure;
    struct store_metrics *metrics;
    struct log_pin pin;
    struct background_sync sync;
    struct log_room room;
    int log_pages;      // in the log, as SQLite reports after each commit
    int file_pages;     // that the log's file has had room for
    int pin_pages;      // of log_pages when the pin was moved
    int copied_pages;   // of log_pages that are in the database
    int unsynced_pages; // of these, that no sync was begun for
    int next_piece;     // log_pages from which the next piece is copied
    int next_restart;   // from which the log is to begin anew
    int64_t next_warning_us;
    int warned_pages; // of the last warning; 0: the log is not held
};

// What a checkpointer works with; all of it outlives the checkpointer. gate is closed while the log
// begins anew; history_log_was_copied is called when all of the log was copied. A sync in the
// background that fails raises failure.
struct checkpointer_surroundings {
    struct snapshot_gate *gate;
    struct history *history;
    const char *path; // the database's
    struct store_failure *failure;
    struct store_metrics *metrics;
};

// Takes db's WAL hook; c must outlive db. Returns SQLite's code; checkpointer_release in either
// case, before db is closed.
int checkpointer_init(struct checkpointer *c, sqlite3 *db,
                      const struct checkpointer_surroundings *around);

// May be called again, and of one that is all zeros.
void checkpointer_release(struct checkpointer *c);

// Makes room in the log's file for a transaction. To be called within it, before it writes.
void checkpointer_reserve(struct checkpointer *c);

// To be called after each commit, outside a transaction. Returns SQLITE_OK also if readers or a
// full disk kept some of the log from being copied: it is tried again. Another code means that the
// database may lack what the log is about to lose: stop writing. Does nothing more once the store
// has failed.
int checkpointer_run(struct checkpointer *c);

// Copies all of the log and lets it begin anew, whatever its size: frees the log's space on a disk
// that is full. Returns as checkpointer_run.
int checkpointer_force(struct checkpointer *c);

// After how many microseconds without a write checkpointer_retry is to be called;
// 0: it need not be.
int64_t checkpointer_retry_us(const struct checkpointer *c);

// Cuts the log's file to its usual size if the read that kept it large has ended. Returns as
// checkpointer_run.
int checkpointer_retry(struct checkpointer *c);

#endif
