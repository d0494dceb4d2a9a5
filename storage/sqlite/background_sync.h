#ifndef RUNSD_STORAGE_SQLITE_BACKGROUND_SYNC_H
#define RUNSD_STORAGE_SQLITE_BACKGROUND_SYNC_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "storage/sqlite/store_failure.h"

// A thread that syncs the database's file while the writer goes on, so that the sync of the
// checkpoint that copies the last of the log finds little to do; and PATH.state. What it has
// synced is relied on by nobody: SQLite itself syncs the database before the log may be
// overwritten. But the kernel may report a page that it could not write to one sync alone, so a
// sync that fails here fails the store, as one of a checkpoint does.
struct background_sync {
    sqlite3 *db; // never queried: a descriptor of the database that SQLite knows of
    sqlite3_file *file;
    int state_fd;
    struct store_failure *failure;
    struct metrics_child *time; // of syncs of the database; NULL: nobody looks
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool wants_database; // under lock, as what follows
    bool wants_state;
    bool is_busy;
    bool is_stopping;
};

// Opens the database at path and starts the thread. state_fd is PATH.state's (-1: there is none);
// it and failure outlive the thread. Returns SQLite's code; background_sync_stop in either case.
int background_sync_start(struct background_sync *b, const char *path, int state_fd,
                          struct store_failure *failure, struct metrics_child *time);

// Waits for the sync that is under way; others that were requested are left out. May be called
// again, and of one that is all zeros.
void background_sync_stop(struct background_sync *b);

// Has the database synced: all that was written before the call. Once at a time: not before
// background_sync_is_idle.
void background_sync_database(struct background_sync *b);

// Has PATH.state synced. Not known to fail: nothing depends on it.
void background_sync_state(struct background_sync *b);

// Whether no sync of the database is requested or under way. If one failed, the store has failed.
bool background_sync_is_idle(struct background_sync *b);

// Waits until background_sync_is_idle.
void background_sync_wait(struct background_sync *b);

#endif
