#ifndef RUNSD_STORAGE_SQLITE_APPLY_H
#define RUNSD_STORAGE_SQLITE_APPLY_H

#include <sqlite3.h>

#include "storage/sqlite/key_row.h"
#include "storage/sqlite/organizations.h"
#include "storage/sqlite/pending.h"
#include "storage/sqlite/run_counts.h"

enum { APPLIER_STATEMENTS = 2 };

// Brings the rows of runs up to date with their events, in slices within the writer's
// transactions and in the order of the rows' keys, and with them the rows of organizations, of the
// counts of runs and of idempotency keys.
// When all of a generation is applied the durable mark, meta's row 'applied', becomes the key
// of its newest event: every row says what the events up to the mark made of it, and a
// start has to read only those behind it.
struct applier {
    sqlite3 *db;
    struct pending *pending;
    struct organizations *organizations;
    struct run_counts *counts;
    struct key_rows *keys;
    sqlite3_stmt *statements[APPLIER_STATEMENTS];
    bool is_finishing; // the mark is written in the open transaction
    int left;          // of the count that applier_run was last given: the time was up
};

// Prepares the statements. Returns SQLite's code; release in either case.
int applier_init(struct applier *a, sqlite3 *db, struct pending *pending,
                 struct organizations *organizations, struct run_counts *counts,
                 struct key_rows *keys);
void applier_release(struct applier *a);

// Applies up to count rows of the frozen generation in the open transaction, freezing one
// first if none is and that which fills is full, or if is_idle says that nothing else is to be
// done. Stops before when it has taken limits.slice_us, unless rows have fallen far behind.
// Returns SQLite's code; SQLITE_CORRUPT if a run has lost its row.
int applier_run(struct applier *a, int count, bool is_idle);

// The transaction is committed, or rolled back.
void applier_committed(struct applier *a);
void applier_rolled_back(struct applier *a);

// Reads the events behind the mark into pending, organizations and counts, all empty, before
// anything else uses them. Returns SQLite's code. What was found wrong is in *ret_problem, in
// arena: an event is missing, comes twice or follows none; NULL: nothing.
int applier_replay(struct arena *arena, sqlite3 *db, struct pending *pending,
                   struct organizations *organizations, struct run_counts *counts,
                   const char **ret_problem);

#endif
