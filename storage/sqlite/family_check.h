#ifndef RUNSD_STORAGE_SQLITE_FAMILY_CHECK_H
#define RUNSD_STORAGE_SQLITE_FAMILY_CHECK_H

#include "storage/op/create_run.h"
#include "storage/sqlite/run_row.h"

// Whether a new run may have the parent that it names: the walk up its ancestors.

// The run of ?1 organization, ?2 id, with its parent or NULL.
#define FAMILY_CHECK_SQL                                                                           \
    "SELECT " RUN_ROW_COLUMNS ", p.parent FROM run AS r"                                           \
    " LEFT JOIN run_parent AS p ON p.organization=r.organization AND p.id=r.id"                    \
    " WHERE r.organization=?1 AND r.id=?2"

// Finds with s (FAMILY_CHECK_SQL), in the open transaction, what create_run answers in ret_parent
// and in ret_ancestor if the id of its run is not taken. Returns SQLite's code.
int family_check(struct session *session, sqlite3_stmt *s, struct store_create_run *c);

#endif
