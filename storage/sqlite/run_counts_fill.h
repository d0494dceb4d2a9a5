#ifndef RUNSD_STORAGE_SQLITE_RUN_COUNTS_FILL_H
#define RUNSD_STORAGE_SQLITE_RUN_COUNTS_FILL_H

#include <sqlite3.h>

// Counts all runs of a store from before SCHEMA_JOBS, in the migration's transaction: fills table
// run_count and the counts of organizations, by all events that there are. The rows of runs may be
// behind their events, and ahead of the mark. Returns SQLite's code.
int run_counts_fill(sqlite3 *db);

#endif
