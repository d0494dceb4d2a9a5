#ifndef RUNSD_STORAGE_SQLITE_WRITER_H
#define RUNSD_STORAGE_SQLITE_WRITER_H

#include <pthread.h>
#include <sqlite3.h>

#include "storage/op_queue.h"
#include "storage/sqlite/checkpoint.h"
#include "storage/sqlite/connection_use.h"
#include "storage/sqlite/file_guard.h"
#include "storage/sqlite/history.h"
#include "storage/sqlite/log_index.h"
#include "storage/sqlite/part_health.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/store_failure.h"

// What a writer works with; all of it outlives the writer.
struct writer_surroundings {
    const char *path; // the database's
    struct op_queue *queue;
    struct store_failure *failure;
    struct store_metrics *metrics;
    const struct file_guard *guard; // checked after each commit
    struct history *history;        // notes each commit
    struct snapshot_gate *gate;
    struct session_surroundings session;
    // Called on the writer's thread while it has no database and the disk has room: opens it
    // and attaches it. Returns whether it did.
    bool (*reopen)(void *context);
    void *context;
    // See struct run_store_options; NULL: nobody listens.
    void (*on_commit)(void *listener, const struct store_commit *commits, int count);
    void *listener;
};

// The one thread that writes. It takes all operations that wait, runs them in
// one transaction, commits (one fsync for all) and answers them: group commit. Rows that are
// behind their events are brought up to date in some of these transactions, and in some of their
// own while no operation waits (storage/sqlite/apply.h). While changes
// cannot be made (a full disk, another program's lock) it still tries each operation, and
// finds out by itself when changes can be made again.
struct writer {
    sqlite3 *db; // used by the thread alone while it runs; NULL while there is no room to open it
    struct writer_surroundings around;
    struct session session;
    struct checkpointer checkpointer;
    struct log_index log_index;
    struct part_health health;
    struct connection_use use;
    int apply_due; // how many rows the next slice is to apply, while a generation is frozen
    pthread_t thread;
};

// To be called first.
void writer_init(struct writer *w, const struct writer_surroundings *around);

// Prepares the statements on db, which stays the caller's, before the start or within reopen.
// Returns SQLite's code; writer_detach in either case, before db is closed.
int writer_attach(struct writer *w, sqlite3 *db);
void writer_detach(struct writer *w);

// Instead of writer_attach, before the start: there is no room to open the database for
// writing. Changes are refused until reopen succeeds.
void writer_await_room(struct writer *w, const char *detail);

void writer_start(struct writer *w);

// Waits until the thread has finished the queue, which was closed before.
void writer_join(struct writer *w);

#endif
