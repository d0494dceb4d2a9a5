#ifndef RUNSD_STORAGE_SQLITE_SESSION_H
#define RUNSD_STORAGE_SQLITE_SESSION_H

#include <sqlite3.h>

#include "storage/op/store_op.h"
#include "storage/sqlite/apply.h"
#include "storage/sqlite/deletion_row.h"
#include "storage/sqlite/event_row.h"
#include "storage/sqlite/family_row.h"
#include "storage/sqlite/key_row.h"
#include "storage/sqlite/organizations.h"
#include "storage/sqlite/pending.h"
#include "storage/sqlite/run_counts.h"
#include "storage/sqlite/store_totals.h"
#include "storage/sqlite/term_row.h"

// A connection with the statements of the operations of one part: those that read on a
// read-only connection, those that write on the one that writes.
struct session {
    sqlite3 *db;
    enum store_part part;
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
    sqlite3_stmt **statements; // SQLITE_OP_STATEMENTS of each kind, at its index
    struct term_rows terms;
    struct pending *pending;
    struct organizations *organizations;
    struct run_counts *counts;
    // Of the part that reads:
    sqlite3_stmt *select_head;
    sqlite3_stmt *select_count;
    int64_t snapshot_event; // the snapshot has it and all before it
    bool is_old;            // a run has become by a later event what its rows were read without
    // Of the part that changes:
    struct event_row events;
    struct key_rows keys;
    int64_t attempt_floor;        // schema_attempt_floor
    bool attempt_floor_is_unsure; // it may have been raised in a transaction that was rolled back
    struct applier applier;
    struct store_totals totals;
    struct family_rows families;
    struct deletion_rows deletion;
};

// What the sessions of a store share; all of it outlives them.
struct session_surroundings {
    struct pending *pending;
    struct organizations *organizations;
    struct run_counts *counts;
};

// Prepares the statements of part. Returns SQLite's code; release in either case.
int session_init(struct session *s, sqlite3 *db, enum store_part part,
                 const struct session_surroundings *around);

// May be called again, and of one that is all zeros.
void session_release(struct session *s);

// Start and end a transaction. Return SQLite's code.
int session_begin(struct session *s);
int session_commit(struct session *s);

// Of the part that changes, once at the end of a transaction: writes what its operations left to be
// written then. Returns SQLite's code.
int session_settle(struct session *s);

// Of the part that changes: the transaction is committed and durable; rolled back.
void session_committed(struct session *s);
void session_rolled_back(struct session *s);

// Of the part that reads: begins another snapshot, which has all that is committed now. Returns
// SQLite's code.
int session_renew(struct session *s);

// Of the part that reads: finds the organization's newest committed event and its floor. The
// snapshot is one that has this event and all before it down to the floor, where need be another
// one than before.
// Returns SQLite's code.
int session_read_head(struct session *s, struct slice organization, struct organization_head *ret);

// Of the part that reads: finds how many runs the workflows of peeks have. Where not all of them
// are known in memory the snapshot is another one than before. Returns SQLite's code.
int session_read_counts(struct session *s, struct run_count_peek *peeks, int count);

// Of the part that changes: whether op is to be refused because its organization is frozen.
static inline bool session_is_frozen(const struct session *s, const struct store_op *op) {
    return op->kind->organization != 0 && s->organizations->frozen > 0 &&
           organizations_is_frozen_own(s->organizations, store_op_organization(op));
}

// Runs op, of the session's part, in the transaction. Returns as struct sqlite_op's run.
int session_run(struct session *s, struct store_op *op);

// Writes a page in the open transaction, and changes nothing. Returns SQLite's code.
int session_probe(struct session *s);

// Looks for what the run has become by events that its row does not have: committed ones,
// and in the part that changes those of the open transaction.
static inline bool session_find_pending(struct session *s, struct slice organization,
                                        const struct run_id *id, struct pending_state *ret_state) {
    return s->part == STORE_CHANGES ? pending_find_own(s->pending, organization, id, ret_state)
                                    : pending_find(s->pending, organization, id, ret_state);
}

#endif
