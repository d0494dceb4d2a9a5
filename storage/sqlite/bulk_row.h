#ifndef RUNSD_STORAGE_SQLITE_BULK_ROW_H
#define RUNSD_STORAGE_SQLITE_BULK_ROW_H

#include <sqlite3.h>

#include "base/core/arena.h"
#include "storage/bulk_record.h"
#include "storage/sqlite/run_id.h"
#include "storage/sqlite/schema_jobs.h"

// Rows of table bulk: the jobs that cancel many runs. A step of a job reads its row, deals with
// some of its items (storage/sqlite/bulk_items.h) and writes the row, all in one transaction.

// Of the column state, beside enum bulk_state: the job is being removed with its items, and is not
// there any more to anybody else.
enum { BULK_ROW_LEAVING = 6 };
_Static_assert(BULK_PLANNING == 1 && BULK_PLANNED == 2 && BULK_RUNNING == 3 && BULK_DONE == 4 &&
                   BULK_ABORTED == 5,
               "stores have indexes of other states");

// Of the column outcome, beside enum bulk_outcome: the run was gone when it was found, and is to be
// gone through to its children. The row is no item to anybody else, and leaves once that was done.
enum { BULK_ROW_GONE = 4 };
_Static_assert(BULK_OUTCOME_ALL < BULK_OUTCOME_BIT(BULK_ROW_GONE), "nobody asks for these");

// What is read of a job beside its record.
struct bulk_row {
    int64_t key;
    bool is_collected; // all runs that the job may be about were looked at
    // Until then: the start and the id of the run that was looked at last.
    int64_t cursor_at_us;
    // From then on: the child that became an item last, of parent_id. Empty: none yet.
    struct run_id cursor_id;
    // The run whose children are being made items; its text is empty: none.
    struct run_id parent_id;
    // Of the store when the job was created: a run of a later key is not meant, if no cascade found
    // it.
    int64_t newest_event;
};

// The columns that bulk_row_read reads, in its order.
#define BULK_ROW_COLUMNS                                                                           \
    "bulk_key, organization, id, state, is_dry_run, cascades, has_filter, statuses, workflow_id,"  \
    " source_run_id, holder, started_after, started_before, is_collected, cursor_at, cursor_id,"   \
    " parent_id, created_at, started_at, finished_at, total, cancelled, already_final, not_found," \
    " actor, reason, request_id, remote_address, idempotency_key, newest_event"

// The row of ?1 organization, ?2 id, for bulk_row_find.
#define BULK_ROW_FIND_SQL                                                                          \
    "SELECT " BULK_ROW_COLUMNS " FROM bulk INDEXED BY bulk_by_id"                                  \
    " WHERE organization=?1 AND id=?2 AND state<>6"

// For bulk_row_insert and bulk_row_update.
#define BULK_ROW_INSERT_SQL                                                                        \
    "INSERT INTO bulk(" BULK_ROW_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"  \
    " ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, "  \
    "?30)"
#define BULK_ROW_UPDATE_SQL BULK_ROW_SET_SQL("state=?4, finished_at=?20,")
// As BULK_ROW_UPDATE_SQL where the job's state stays, which spares the indexes.
#define BULK_ROW_PROGRESS_SQL BULK_ROW_SET_SQL("")
#define BULK_ROW_SET_SQL(state)                                                                    \
    "UPDATE bulk SET " state " is_collected=?14, cursor_at=?15, cursor_id=?16, parent_id=?17,"     \
    " started_at=?19, total=?21, cancelled=?22, already_final=?23,"                                \
    " not_found=?24, actor=?25, reason=?26, request_id=?27, remote_address=?28,"                   \
    " idempotency_key=?29 WHERE bulk_key=?1"

// Reads the row at s, of BULK_ROW_COLUMNS, with copies in a. Returns SQLite's code; SQLITE_CORRUPT
// if it is no sound one.
int bulk_row_read(struct arena *a, sqlite3_stmt *s, struct bulk_record *ret,
                  struct bulk_row *ret_row);

// Finds the job with s (BULK_ROW_FIND_SQL). Returns SQLite's code; SQLITE_DONE if there is none.
int bulk_row_find(struct arena *a, sqlite3_stmt *s, struct slice organization, struct slice id,
                  struct bulk_record *ret, struct bulk_row *ret_row);

// Adds the job's row with s (BULK_ROW_INSERT_SQL), or writes it (BULK_ROW_UPDATE_SQL); the key of a
// new one is set. Return SQLite's code.
int bulk_row_insert(sqlite3_stmt *s, const struct bulk_record *bulk, struct bulk_row *row);
int bulk_row_update(sqlite3_stmt *s, const struct bulk_record *bulk, const struct bulk_row *row);

#endif
