#ifndef RUNSD_STORAGE_SQLITE_COPY_ROWS_H
#define RUNSD_STORAGE_SQLITE_COPY_ROWS_H

#include <sqlite3.h>

#include "storage/store_table.h"

// How the rows of a copy become rows of this back-end.

enum { COPY_ROWS_MOST_STATEMENTS = 3 };

// Its statements, for one table at a time, on the connection that writes.
struct copy_rows {
    sqlite3 *db;
    enum store_table_index table;
    sqlite3_stmt *inserts[COPY_ROWS_MOST_STATEMENTS];
    sqlite3_stmt *find_workflow;
    sqlite3_stmt *insert_workflow;
    int64_t last_event; // the key of the event that was added last
};

// Indexes of event that are there while rows are put; beginning a copy makes them, settling it
// drops them.
#define COPY_ROWS_MAKE_INDEXES_SQL                                                                 \
    "CREATE UNIQUE INDEX copy_by_revision ON event(organization, revision);"                       \
    "CREATE INDEX copy_by_run ON event(organization, id, event_key);"
#define COPY_ROWS_DROP_INDEXES_SQL "DROP INDEX copy_by_revision; DROP INDEX copy_by_run;"

// The key of an event that is gone, which no event of the copy has.
#define COPY_ROWS_GONE_SQL "1"

// Prepares the statements for table, in place of those of another. Returns SQLite's code; release
// in either case.
int copy_rows_begin(struct copy_rows *c, sqlite3 *db, enum store_table_index table);
void copy_rows_release(struct copy_rows *c);

// Adds a row of the table, in the open transaction. Returns SQLite's code.
int copy_rows_put(struct copy_rows *c, const struct store_value *values);

#endif
