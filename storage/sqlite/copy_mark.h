#ifndef RUNSD_STORAGE_SQLITE_COPY_MARK_H
#define RUNSD_STORAGE_SQLITE_COPY_MARK_H

#include <sqlite3.h>

#include "storage/store_copy_ends.h"

// How far a copy is of which the store is the target: a row of meta.

// Reads it, if there is one. Returns SQLite's code.
int copy_mark_read(sqlite3 *db, bool *ret_has, struct store_copy_mark *ret);

// Write it, or take it away, in the open transaction. Return SQLite's code.
int copy_mark_write(sqlite3 *db, const struct store_copy_mark *mark);
int copy_mark_remove(sqlite3 *db);

// FAILED_PRECONDITION if the store has one: it is half of a copy; UNAVAILABLE, DATA_LOSS.
const struct error *copy_mark_check(struct arena *a, sqlite3 *db, const char *path);

#endif
