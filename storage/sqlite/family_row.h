#ifndef RUNSD_STORAGE_SQLITE_FAMILY_ROW_H
#define RUNSD_STORAGE_SQLITE_FAMILY_ROW_H

#include <sqlite3.h>

#include "base/core/arena.h"
#include "storage/op/create_run.h"
#include "storage/sqlite/run_id.h"
#include "storage/sqlite/run_row.h"

// Rows of table run_parent: of each run that has a parent, which run that is. Written with the
// run's creation, and never changed.

// The run of ?1 organization, ?2 id, with its parent or NULL, for family_row_check.
#define FAMILY_ROW_ANCESTOR_SQL                                                                    \
    "SELECT " RUN_ROW_COLUMNS ", p.parent FROM run AS r"                                           \
    " LEFT JOIN run_parent AS p ON p.organization=r.organization AND p.id=r.id"                    \
    " WHERE r.organization=?1 AND r.id=?2"

#define FAMILY_ROW_INSERT_SQL "INSERT INTO run_parent(organization, id, parent) VALUES(?1, ?2, ?3)"

// Finds with s (FAMILY_ROW_ANCESTOR_SQL) whether a new run may be a child of parent_id, in the open
// transaction; of PARENT_CANCELLED *ret_ancestor is the cancelled run's id, in a. Returns SQLite's
// code.
int family_row_check(struct session *session, struct arena *a, sqlite3_stmt *s,
                     struct slice organization, struct slice parent_id, enum store_parent *ret,
                     struct slice *ret_ancestor);

// Adds the row of the run of id with s (FAMILY_ROW_INSERT_SQL). Returns SQLite's code.
int family_row_insert(sqlite3_stmt *s, struct slice organization, const struct run_id *id,
                      struct slice parent_id);

#endif
