#ifndef RUNSD_STORAGE_SQLITE_READ_OPS_H
#define RUNSD_STORAGE_SQLITE_READ_OPS_H

#include <sqlite3.h>

#include "storage/run_store.h"

// The statements of the operations that only read, on a read-only connection.

// How many index rows one STORE_LIST looks at before it stops with has_more.
enum { LIST_SCAN_LIMIT = 10000 };

// After how many bytes of runs it stops with has_more: what is above one reply is
// read in vain, and a page of the largest runs would be gigabytes.
enum { LIST_BYTE_LIMIT = 4 * 1024 * 1024 };

enum { READ_STATEMENT_COUNT = 9 };

struct read_ops {
    sqlite3 *db;
    sqlite3_stmt *statements[READ_STATEMENT_COUNT];
};

// Prepares the statements. Returns SQLite's code; release in either case.
int read_ops_init(struct read_ops *r, sqlite3 *db);
void read_ops_release(struct read_ops *r);

// Start and end a transaction, so that several operations share one snapshot
// and its locks. Return SQLite's code.
int read_ops_begin(struct read_ops *r);
int read_ops_end(struct read_ops *r);

// Runs op, in the transaction. Returns SQLITE_OK with op->result set, or
// SQLite's code.
int read_ops_run(struct read_ops *r, struct store_op *op);

#endif
