#ifndef RUNSD_STORAGE_SQLITE_TERM_ROW_H
#define RUNSD_STORAGE_SQLITE_TERM_ROW_H

#include <sqlite3.h>

#include "base/core/arena.h"
#include "storage/run_record.h"
#include "storage/run_store.h"
#include "storage/sqlite/run_id.h"

// Rows of table run_term: what those runs have whose record has terms (run_record_has_terms), which
// the column run.has_terms says. Each change of such a run writes its row of run and this one in
// its own transaction: neither is ever behind the run's events, so that the indexes of runs that
// can be acquired, that are held and that have a deadline are always true.

// Of the column state: what its holder, terms and status come to.
enum term_state {
    TERM_CLOSED = 0, // it cannot be acquired and nobody holds it
    TERM_OPEN = 1,   // run_record_is_open
    TERM_HELD = 2,
};

// The texts of the partial indexes, which SQLite uses for a query that says the same.
#define TERM_ROW_OPEN_SQL "state=1"
#define TERM_ROW_HELD_SQL "state=2"
#define TERM_ROW_DUE_SQL  "due_at>0"
_Static_assert(TERM_OPEN == 1 && TERM_HELD == 2, "stores have indexes of other states");

// Its statements.
struct term_rows {
    sqlite3_stmt *select;
    // Of the part that changes:
    sqlite3_stmt *insert;
    sqlite3_stmt *update;
};

// Prepares the statements of part. Returns SQLite's code; release in either case.
int term_rows_init(struct term_rows *t, sqlite3 *db, enum store_part part);
void term_rows_release(struct term_rows *t);

// Reads the row of run_key into what ret has of it, with copies in a. Returns SQLite's code;
// SQLITE_CORRUPT if there is none.
int term_rows_read(struct term_rows *t, struct arena *a, int64_t run_key, struct run_record *ret);

// Adds the row of run. Returns SQLite's code.
int term_rows_insert(struct term_rows *t, int64_t run_key, int64_t workflow_key,
                     const struct run_id *id, const struct run_record *run);

// Makes the row of before that of after. Returns SQLite's code; SQLITE_CORRUPT if it is not that
// of before.
int term_rows_update(struct term_rows *t, int64_t run_key, const struct run_record *before,
                     const struct run_record *after);

#endif
