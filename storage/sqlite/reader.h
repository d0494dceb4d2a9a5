#ifndef RUNSD_STORAGE_SQLITE_READER_H
#define RUNSD_STORAGE_SQLITE_READER_H

#include <pthread.h>
#include <sqlite3.h>

#include "storage/read_queue.h"
#include "storage/sqlite/connection_use.h"
#include "storage/sqlite/pending.h"
#include "storage/sqlite/read_health.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/snapshot_gate.h"
#include "storage/sqlite/store_failure.h"

// What the readers of a store share; all of it outlives them.
struct reader_surroundings {
    struct read_queue *queue;
    struct store_failure *failure;
    struct store_metrics *metrics;
    struct snapshot_gate *gate;
    struct read_health *health;
    struct session_surroundings session;
};

// One of the threads that answer the operations that only read, on a read-only connection of
// its own, without waiting for the writer. It begins each snapshot after the operations were
// pushed (read_queue.h), so each sees every write that was answered before it was submitted.
struct reader {
    int slot;    // its number in the queue and in pending, from 0
    sqlite3 *db; // used by the thread alone while the gate is open; NULL: it takes nothing
    struct reader_surroundings around;
    struct session session;
    struct connection_use use;
    struct metrics_child *turns;
    long disk_reads;   // of the thread, when they were last looked at
    int64_t ran_at_us; // when it last ran something; 0: its cache was emptied since
    pthread_t thread;
};

// After how long without an operation a reader other than the first gives its cache's memory back.
enum { READER_IDLE_US = 10 * 1000 * 1000 };

// To be called first.
void reader_init(struct reader *r, int slot, const struct reader_surroundings *around);

// Prepares the statements on db, which stays the caller's, before the start or while the gate
// is closed. Returns SQLite's code; reader_detach in either case, before db is closed.
int reader_attach(struct reader *r, sqlite3 *db);
void reader_detach(struct reader *r);

void reader_start(struct reader *r);

// Waits until the thread has finished the queue, which was closed before.
void reader_join(struct reader *r);

#endif
