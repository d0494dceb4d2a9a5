#ifndef RUNSD_STORAGE_SQLITE_WORKFLOW_ROW_H
#define RUNSD_STORAGE_SQLITE_WORKFLOW_ROW_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/core/slice.h"

// Table workflow gives each workflow of an organization a small key, which the rows of its runs
// have instead of its id.

#define WORKFLOW_ROW_FIND_SQL "SELECT workflow_key FROM workflow WHERE organization=?1 AND id=?2"

// Finds the key with s (WORKFLOW_ROW_FIND_SQL). Returns SQLite's code; SQLITE_DONE if there is
// none.
int workflow_row_find(sqlite3_stmt *s, struct slice organization, struct slice id,
                      int64_t *ret_key);

#endif
