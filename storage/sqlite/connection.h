#ifndef RUNSD_STORAGE_SQLITE_CONNECTION_H
#define RUNSD_STORAGE_SQLITE_CONNECTION_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"
#include "storage/run_store.h"

// The few calls on a SQLite connection that all parts share. Those that return
// int return SQLite's extended result code. A connection is used by one thread
// at a time (SQLITE_OPEN_NOMUTEX).

enum { SQLITE_BUSY_TIMEOUT_MS = 5000 };

// Opens path, which must exist. Closing such a connection never checkpoints
// (SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE), so that a file that is refused is left as
// it is. *ret_db is set even on failure and is to be closed with sqlite3_close.
int sqlite_connect_writer(const char *path, sqlite3 **ret_db);

// Opens path read-only: it can neither write nor checkpoint.
int sqlite_connect_reader(const char *path, sqlite3 **ret_db);

// Opens path for reading when the disk has no room for the files that connections share: no
// other connection can open the database meanwhile, and this one needs no other file. It
// writes nothing.
int sqlite_connect_alone(const char *path, sqlite3 **ret_db);

// Opens the database at path without its write-ahead log, read-only, and leaves no file
// beside it. This process must not have the file open: closing it drops SQLite's locks.
int sqlite_connect_immutable(struct arena *a, const char *path, sqlite3 **ret_db);

// Has db keep pages of so many bytes in memory at most, instead of 8 MiB. A few pages are kept
// whatever is asked.
int sqlite_limit_cache(sqlite3 *db, int64_t bytes);

// Runs SQL that returns nothing of interest.
int sqlite_run(sqlite3 *db, const char *sql);

// Runs SQL that returns one integer. SQLITE_DONE if it returns no row.
int sqlite_query_int(sqlite3 *db, const char *sql, int64_t *ret);

// Runs SQL that returns one blob of len bytes. SQLITE_DONE if it returns no row, SQLITE_CORRUPT
// if the blob has another length.
int sqlite_query_blob(sqlite3 *db, const char *sql, void *ret, size_t len);

// Prepares count statements that are kept. On failure those already made are
// in ret_statements; the others are NULL.
int sqlite_prepare_all(sqlite3 *db, const char *const *sql, int count,
                       sqlite3_stmt **ret_statements);

void sqlite_finalize_all(sqlite3_stmt **statements, int count);

// Runs a prepared statement that returns no row.
int sqlite_step_once(sqlite3_stmt *s);

// Makes the database keep its changes in a write-ahead log; mode is the byte of its
// header that says how it does so far. SQLITE_CANTOPEN if it cannot.
int sqlite_use_wal(sqlite3 *db, uint8_t mode);

// An error for code rc that db gave while doing something to path: DATA_LOSS if
// the file is damaged, otherwise UNAVAILABLE; its reason is DISK_FULL if there was no room.
const struct error *sqlite_error(struct arena *a, sqlite3 *db, int rc, const char *path,
                                 const char *doing);

// Returns SQLite's description of the last failure of db, in a: code, text, errno.
const char *sqlite_failure_text(struct arena *a, sqlite3 *db, int rc, const char *doing);

// Where a call stood that failed.
enum sqlite_place { SQLITE_BEFORE_COMMIT, SQLITE_IN_COMMIT, SQLITE_IN_CHECKPOINT };

// What is certain about a call that gave rc on db: STORE_DISK_FULL (no room, no quota, a file at
// its largest) or STORE_LOCKED if it changed nothing for certain and trying again can help, else
// STORE_UNAVAILABLE. To be called before anything else is done with db.
enum store_result sqlite_refusal(sqlite3 *db, int rc, enum sqlite_place place);

// Bind bytes that outlive the statement's run. An empty slice is empty, not
// NULL.
int sqlite_bind_text(sqlite3_stmt *s, int index, struct slice value);
int sqlite_bind_blob(sqlite3_stmt *s, int index, struct slice value);

// Returns a text or blob column as it is, until the statement is stepped or reset.
struct slice sqlite_column_peek(sqlite3_stmt *s, int column);

// Returns a copy of a text or blob column.
struct slice sqlite_column_slice(struct arena *a, sqlite3_stmt *s, int column);

#endif
