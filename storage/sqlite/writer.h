#ifndef RUNSD_STORAGE_SQLITE_WRITER_H
#define RUNSD_STORAGE_SQLITE_WRITER_H

#include <pthread.h>
#include <sqlite3.h>

#include "storage/op_queue.h"
#include "storage/sqlite/checkpoint.h"
#include "storage/sqlite/failure.h"
#include "storage/sqlite/file_guard.h"
#include "storage/sqlite/log_index.h"
#include "storage/sqlite/part_health.h"
#include "storage/sqlite/write_ops.h"

// The one thread that writes. It takes all operations that wait, runs them in
// one transaction, commits (one fsync for all) and answers them: group commit. While changes
// cannot be made (a full disk, another program's lock) it goes on trying what is asked, and
// finds out by itself when they can be made again.
struct writer {
    sqlite3 *db; // used by the thread alone while it runs
    struct op_queue *queue;
    struct store_failure *failure;
    const struct file_guard *guard;
    struct write_ops ops;
    struct checkpointer checkpointer;
    struct log_index log_index;
    struct part_health health;
    pthread_t thread;
};

// Prepares the statements on db, the database of path, which stays the caller's. Returns SQLite's
// code; writer_release in either case. guard is asked after each commit.
int writer_init(struct writer *w, sqlite3 *db, const char *path, struct op_queue *queue,
                struct store_failure *failure, const struct file_guard *guard,
                struct snapshot_gate *gate);

void writer_start(struct writer *w);

// Waits until the thread has finished the queue, which was closed before.
void writer_join(struct writer *w);

void writer_release(struct writer *w);

#endif
