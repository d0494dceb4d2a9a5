#ifndef RUNSD_STORAGE_SQLITE_SESSION_H
#define RUNSD_STORAGE_SQLITE_SESSION_H

#include <sqlite3.h>

#include "storage/op/store_op.h"
#include "storage/sqlite/event_row.h"

// A connection with the statements of the operations of one part: those that read on a
// read-only connection, those that write on the one that writes.
struct session {
    sqlite3 *db;
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
    sqlite3_stmt **statements; // SQLITE_OP_STATEMENTS of each kind, at its index
    struct event_row events;   // of the part that changes
};

// Prepares the statements of part. Returns SQLite's code; release in either case.
int session_init(struct session *s, sqlite3 *db, enum store_part part);

// May be called again, and of one that is all zeros.
void session_release(struct session *s);

// Start and end a transaction. Return SQLite's code.
int session_begin(struct session *s);
int session_commit(struct session *s);

// The transaction is rolled back.
void session_rolled_back(struct session *s);

// Runs op, of the session's part, in the transaction. Returns as struct sqlite_op's run.
int session_run(struct session *s, struct store_op *op);

// Writes a page in the open transaction, and changes nothing. Returns SQLite's code.
int session_probe(struct session *s);

#endif
