#ifndef RUNSD_STORAGE_SQLITE_FAMILY_ROW_H
#define RUNSD_STORAGE_SQLITE_FAMILY_ROW_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/core/arena.h"
#include "storage/sqlite/run_id.h"

// Rows of table run_parent: of each run that has a parent, which run that is, for the one
// connection that writes. A row is written with its run's creation. It stays when its run is
// deleted, as one that is gone, for as long as another row names that run as the parent: so each
// chain of rows that are gone ends at a run that is there, and kinship goes on through them.

enum { FAMILY_ROW_STATEMENTS = 6 };

// Its statements.
struct family_rows {
    bool has_gone; // there may be rows that are gone; else there are none
    sqlite3_stmt *statements[FAMILY_ROW_STATEMENTS];
};

// Prepares the statements. Returns SQLite's code; release in either case.
int family_rows_init(struct family_rows *f, sqlite3 *db);
void family_rows_release(struct family_rows *f);

// Finds the parent of the run of id by its row, gone or not: its id, with a copy in a; empty if
// there is no row. Returns SQLite's code.
int family_rows_parent(struct family_rows *f, struct arena *a, struct slice organization,
                       const struct run_id *id, struct slice *ret);

// Adds the row of the new run of id, whose parent_id is empty if it has none. If a run of that id
// is gone its row is taken over. Returns SQLite's code.
int family_rows_add(struct family_rows *f, struct arena *a, struct slice organization,
                    const struct run_id *id, struct slice parent_id);

// The run of id was deleted: its row becomes one that is gone, or is deleted, and so are those that
// were kept for it alone. Returns SQLite's code.
int family_rows_leave(struct family_rows *f, struct arena *a, struct slice organization,
                      const struct run_id *id);

#endif
