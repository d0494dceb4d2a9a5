#ifndef RUNSD_STORAGE_SQLITE_DELETION_ROW_H
#define RUNSD_STORAGE_SQLITE_DELETION_ROW_H

#include <sqlite3.h>

#include "storage/run_record.h"
#include "storage/sqlite/key_row.h"
#include "storage/sqlite/run_id.h"

// How all rows of a run are deleted, and what is kept of runs that were deleted by hand (table
// deletion), for the one connection that writes. What may be deleted, and when, is said in
// storage/sqlite/run_deletion.h.

enum { DELETION_ROW_STATEMENTS = 11 };

// Its statements.
struct deletion_rows {
    sqlite3 *db;
    struct key_rows *keys;
    sqlite3_stmt *statements[DELETION_ROW_STATEMENTS];
};

// Prepares the statements; keys outlives them. Returns SQLite's code; release in either case.
int deletion_rows_init(struct deletion_rows *d, sqlite3 *db, struct key_rows *keys);
void deletion_rows_release(struct deletion_rows *d);

// A run that may be deleted, as its rows have it.
struct doomed_run {
    struct run_id id;
    int64_t run_key;
    int64_t workflow_key;
    enum run_status status;
    int64_t finished_at_us;
    int64_t sequence; // as many events it has
    int64_t newest_event;
    int64_t revision; // of that event
    int64_t attempt;  // the newest
    int64_t spec_bytes;
    bool has_terms;
};

// Finds the run of id. Returns SQLite's code: SQLITE_DONE if there is none, SQLITE_CORRUPT if its
// rows contradict each other.
int deletion_rows_find(struct deletion_rows *d, struct slice organization, const struct run_id *id,
                       struct doomed_run *ret);

// Deletes all rows of the run but that of its parent (storage/sqlite/family_row.h). Returns
// SQLite's code; SQLITE_CORRUPT if one is missing.
int deletion_rows_delete(struct deletion_rows *d, struct slice organization,
                         const struct doomed_run *run);

// An event that tells of a deletion: it has no run any more.
struct gone_event {
    int64_t event;
    int64_t revision;
    int64_t at_us;
};

// Notes that the event tells of the deletion of the run. Returns SQLite's code.
int deletion_rows_add_gone(struct deletion_rows *d, struct slice organization,
                           const struct run_id *id, int64_t event);

// Finds those of id, or of any if it is NULL, that are from before before_us: at most capacity.
// Returns SQLite's code.
int deletion_rows_find_gone(struct deletion_rows *d, struct slice organization,
                            const struct run_id *id, int64_t before_us, int capacity,
                            struct gone_event *ret, int *ret_count);

// Deletes the event and what was noted of it. Returns SQLite's code.
int deletion_rows_delete_gone(struct deletion_rows *d, struct slice organization,
                              const struct gone_event *gone);

#endif
