#ifndef RUNSD_STORAGE_SQLITE_RUN_ROW_H
#define RUNSD_STORAGE_SQLITE_RUN_ROW_H

#include <sqlite3.h>

#include "base/core/arena.h"
#include "storage/run_store.h"

// How a row of table run is read; shared by reading and writing statements.

// The columns that run_row_read reads, in its order.
#define RUN_ROW_COLUMNS                                                                            \
    "run_key, organization, id, status, started_at, updated_at, finished_at, sequence, "           \
    "total_cu, workflow_id"

enum { RUN_ROW_COLUMN_COUNT = 10 };

// ?1 organization, ?2 id.
#define RUN_ROW_SELECT_SQL                                                                         \
    "SELECT " RUN_ROW_COLUMNS " FROM run INDEXED BY run_by_id WHERE organization=?1 AND id=?2"

// ?1 run_key.
#define RUN_BODY_SELECT_SQL "SELECT spec, execution_state FROM run_body WHERE run_key=?1"

// Reads the row at s into ret (all but spec and execution_state), with copies
// in a; returns its run_key.
int64_t run_row_read(struct arena *a, sqlite3_stmt *s, struct run_record *ret);

// Whether status is one that a run can have; any other number is damage.
static inline bool run_row_status_is_sound(int status) {
    return status >= RUN_RUNNING && status <= RUN_CANCELLED;
}

// Reads a total_cu column; SQLite stores what is not a number as NULL.
double run_row_total_cu(sqlite3_stmt *s, int column);

// Reads spec and execution_state of run_key with select_body (RUN_BODY_SELECT_SQL)
// into ret. Returns SQLite's code; SQLITE_CORRUPT if the run has no body.
int run_body_read(struct arena *a, sqlite3_stmt *select_body, int64_t run_key,
                  struct run_record *ret);

// Reads the run of organization and id with both statements. Returns SQLite's
// code: SQLITE_DONE if there is none, SQLITE_CORRUPT if it is no sound one.
int run_read(struct arena *a, sqlite3_stmt *select_row, sqlite3_stmt *select_body,
             struct slice organization, struct slice id, struct run_record *ret);

#endif
