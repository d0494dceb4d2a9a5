#ifndef RUNSD_STORAGE_SQLITE_STORE_TOTALS_H
#define RUNSD_STORAGE_SQLITE_STORE_TOTALS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

// How much the store has of what is too much to be counted when it is asked for: rows of meta,
// written in the transaction that changes them. For what changes with many at once, as it costs
// each such transaction a page.

enum store_total {
    TOTAL_KEYS,        // rows of table idempotency
    TOTAL_JOBS,        // rows of table bulk
    TOTAL_EVENTS_GONE, // events that were deleted: the keys of the others are 1, 2, 3 and so on
    STORE_TOTAL_COUNT,
};

// The connection that writes changes it.
struct store_totals {
    sqlite3_stmt *add;
    int64_t deltas[STORE_TOTAL_COUNT]; // of the open transaction
    bool is_due;
};

// Prepares the statement on db. Returns SQLite's code; release in either case.
int store_totals_init(struct store_totals *t, sqlite3 *db);
void store_totals_release(struct store_totals *t);

// Notes in the open transaction that there are so many more, or fewer.
void store_totals_note(struct store_totals *t, enum store_total which, int64_t delta);

// Writes at the end of the open transaction what was noted. Returns SQLite's code.
int store_totals_settle(struct store_totals *t);

void store_totals_rolled_back(struct store_totals *t);

// A query of one integer: the total as it is in the snapshot.
#define STORE_TOTAL_SQL(name)       "coalesce((SELECT value FROM meta WHERE name='" name "'), 0)"
#define STORE_TOTAL_KEYS_SQL        STORE_TOTAL_SQL("keys")
#define STORE_TOTAL_JOBS_SQL        STORE_TOTAL_SQL("jobs")
#define STORE_TOTAL_EVENTS_GONE_SQL STORE_TOTAL_SQL("events_gone")

#endif
