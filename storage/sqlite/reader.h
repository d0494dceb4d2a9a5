#ifndef RUNSD_STORAGE_SQLITE_READER_H
#define RUNSD_STORAGE_SQLITE_READER_H

#include <pthread.h>
#include <sqlite3.h>

#include "storage/op_queue.h"
#include "storage/sqlite/part_health.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/snapshot_gate.h"
#include "storage/sqlite/store_failure.h"

// A thread that answers the operations that only read, on a read-only
// connection of its own, without waiting for the writer. It begins each
// transaction after it took the operation from the queue, so the operation sees
// every write that was answered before it was submitted.
struct reader {
    sqlite3 *db; // used by the thread alone while the gate is open
    struct op_queue *queue;
    struct store_failure *failure;
    struct snapshot_gate *gate;
    struct session session;
    struct part_health health;
    struct store_op *failed; // a copy of what failed, for the probe to try again
    struct arena failed_arena;
    pthread_t thread;
};

// To be called first, reader_release last.
void reader_init(struct reader *r, struct op_queue *queue, struct store_failure *failure,
                 struct snapshot_gate *gate);

// Prepares the statements on db, which stays the caller's, before the start or while the gate
// is closed. Returns SQLite's code; reader_detach in either case, before db is closed.
int reader_attach(struct reader *r, sqlite3 *db);
void reader_detach(struct reader *r);

void reader_start(struct reader *r);

// Waits until the thread has finished the queue, which was closed before.
void reader_join(struct reader *r);

void reader_release(struct reader *r);

#endif
