#ifndef RUNSD_STORAGE_SQLITE_WRITE_OPS_H
#define RUNSD_STORAGE_SQLITE_WRITE_OPS_H

#include <sqlite3.h>

#include "storage/run_store.h"

// The statements of the operations that write, on the one connection that
// writes. All run within a transaction of the caller.

enum { WRITE_STATEMENT_COUNT = 12 };

struct write_ops {
    sqlite3 *db;
    int64_t last_event;      // the newest event's key
    int64_t committed_event; // that before the open transaction
    sqlite3_stmt *statements[WRITE_STATEMENT_COUNT];
};

// Prepares the statements. Returns SQLite's code; release in either case.
int write_ops_init(struct write_ops *w, sqlite3 *db);
void write_ops_release(struct write_ops *w);

// Returns whether op is one that writes.
bool write_ops_takes(const struct store_op *op);

// Start and end the transaction. Return SQLite's code.
int write_ops_begin(struct write_ops *w);
int write_ops_commit(struct write_ops *w);

// The transaction is rolled back: last_event is again what is committed.
void write_ops_rolled_back(struct write_ops *w);

// Runs op in the open transaction. Returns SQLITE_OK with op->result set: what
// op did holds once the transaction commits. Another code: op may be half done,
// the transaction has to be rolled back.
int write_ops_run(struct write_ops *w, struct store_op *op);

// Writes a page in the open transaction, and changes nothing. Returns SQLite's code.
int write_ops_probe(struct write_ops *w);

#endif
