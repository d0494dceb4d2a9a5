#ifndef RUNSD_STORAGE_POSTGRES_BULK_ROW_H
#define RUNSD_STORAGE_POSTGRES_BULK_ROW_H

#include "storage/bulk_record.h"
#include "storage/postgres/pg_params.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/work.h"

// Rows of table bulk: the jobs that cancel many runs. A step of a job locks its row, deals with
// some of its items and writes the row, all in one transaction.

// Of the column state, beside enum bulk_state: the job is being removed with its items, and is not
// there any more to anybody else.
enum { PG_BULK_LEAVING = 6 };
_Static_assert(BULK_PLANNING == 1 && BULK_PLANNED == 2 && BULK_RUNNING == 3 && BULK_DONE == 4 &&
                   BULK_ABORTED == 5,
               "stores have indexes of other states");

// Of the column outcome, beside enum bulk_outcome: the run was gone when it was found, and is to be
// gone through to its children. The row is no item to anybody else, and leaves once that was done.
enum { PG_BULK_GONE = 4 };
_Static_assert(BULK_OUTCOME_ALL < BULK_OUTCOME_BIT(PG_BULK_GONE), "nobody asks for these");

// What is read of a job beside its record.
struct pg_bulk_row {
    int64_t key;
    bool is_collected; // all runs that the job may be about were looked at
    // Until then: the start and the id of the run that was looked at last.
    int64_t cursor_at_us;
    // From then on: the child that became an item last, of parent_id. Empty: none yet.
    struct slice cursor_id;
    struct slice parent_id; // the run whose children are being made items; empty: none
    // Of the organization when the job was created: a run whose creation has a later revision is
    // not meant, if no cascade found it.
    int64_t as_of_revision;
};

// The columns that pg_bulk_row_read reads, in its order.
#define PG_BULK_COLUMNS                                                                            \
    "bulk_key, organization, id, state, is_dry_run, cascades, has_filter, statuses, workflow_id,"  \
    " source_run_id, holder, started_after, started_before, is_collected, cursor_at, cursor_id,"   \
    " parent_id, created_at, started_at, finished_at, total, cancelled, already_final, not_found," \
    " actor, reason, request_id, remote_address, idempotency_key, as_of_revision"

// Which rows are jobs to others.
#define PG_BULK_IS_THERE_SQL "state<>6"

// Reads the row of PG_BULK_COLUMNS, with copies in a. ret_row may be NULL.
void pg_bulk_row_read(struct arena *a, const PGresult *result, int row, struct bulk_record *ret,
                      struct pg_bulk_row *ret_row);

// Finds the job and locks its row until the end of the transaction; *ret_found says whether there
// is one. Copies are in a.
enum pg_outcome pg_bulk_row_lock(struct work *work, struct arena *a, struct slice organization,
                                 struct slice id, struct bulk_record *ret,
                                 struct pg_bulk_row *ret_row, bool *ret_found);

// Adds the job's row, whose key is set. PG_AGAIN if its id was taken meanwhile.
enum pg_outcome pg_bulk_row_insert(struct work *work, const struct bulk_record *bulk,
                                   struct pg_bulk_row *row);

// Queues the statement that writes the job's row, which is locked.
void pg_bulk_row_queue_update(struct work *work, const struct bulk_record *bulk,
                              const struct pg_bulk_row *row);

#endif
