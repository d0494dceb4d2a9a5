#ifndef RUNSD_STORAGE_SQLITE_LOG_INDEX_H
#define RUNSD_STORAGE_SQLITE_LOG_INDEX_H

#include <sqlite3.h>

// The index of the write-ahead log that connections share (the -shm file). SQLite enlarges it
// within a commit, after the log was written and synced: if there is no room then, the
// commit's outcome is unknown. So it is enlarged before a transaction writes anything.
struct log_index {
    sqlite3 *db;
    int blocks; // that are certainly there
};

void log_index_init(struct log_index *x, sqlite3 *db);

// Makes room in the index for a transaction on top of a log of log_pages. To be called within
// the transaction, before it writes. Returns SQLite's code; SQLITE_FULL if the disk is full.
int log_index_reserve(struct log_index *x, int log_pages);

#endif
