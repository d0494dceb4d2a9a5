#ifndef RUNSD_STORAGE_SQLITE_SQLITE_OP_H
#define RUNSD_STORAGE_SQLITE_SQLITE_OP_H

#include <sqlite3.h>

#include "storage/op/store_op.h"

struct session;

// How many statements an operation may have.
enum { SQLITE_OP_STATEMENTS = 16 };

// What the back-end does for one kind of operation: ops/NAME.c ends with sqlite_NAME.
struct sqlite_op {
    // Its statements, which each session of its part prepares; as many as are not NULL.
    const char *sql[SQLITE_OP_STATEMENTS];
    // Runs op with its statements in the session's transaction. Returns SQLITE_OK with
    // op->result set: what op did holds once the transaction commits. Another code: op may be
    // half done, the transaction has to be rolled back.
    int (*run)(struct session *session, sqlite3_stmt *const *statements, struct store_op *op);
    // Takes long: what is read next gets a fresh snapshot.
    bool is_long;
    // Of a kind that reads: asks what a run has become (session_find_pending) before it reads
    // anything, and gets a snapshot that has the events which that names.
    bool reads_pending_first;
};

// By their kinds' index. Made by Bazel of the files.
extern const struct sqlite_op *const sqlite_ops[];
extern const size_t sqlite_ops_count;

#endif
