#ifndef RUNSD_STORAGE_SQLITE_RUN_ROW_H
#define RUNSD_STORAGE_SQLITE_RUN_ROW_H

#include <sqlite3.h>

#include "base/core/arena.h"
#include "storage/run_record.h"
#include "storage/sqlite/row_status.h"
#include "storage/sqlite/run_columns.h"
#include "storage/sqlite/run_id.h"

// How a run's rows, of run and run_body, are read and their fields written; shared by the
// statements of all operations. A row may be behind what the run has become by its events: what
// is read here is the run (storage/sqlite/pending.h).

struct session;

// The columns that run_row_read reads, in its order; the row is called r.
#define RUN_ROW_COLUMNS                                                                            \
    "r.run_key, r.organization, r.id, r.status, r.started_at, r.updated_at, r.sequence,"           \
    " r.newest_event, r.attempt, r.workflow_key, r.has_terms, " RUN_ROW_FIELD_NAMES

enum {
    RUN_ROW_ORGANIZATION = 1,
    RUN_ROW_ID = 2,
    RUN_ROW_STATUS = 3,
    RUN_ROW_STARTED_AT = 4,
    RUN_ROW_SEQUENCE = 6,
    RUN_ROW_NEWEST_EVENT = 7,
    RUN_ROW_WORKFLOW_KEY = 9,
    RUN_ROW_HAS_TERMS = 10,
    RUN_ROW_FIRST_FIELD = 11,
    RUN_ROW_COLUMN_COUNT = RUN_ROW_FIRST_FIELD + RUN_ROW_FIELD_COUNT,
};

// The row of ?1 organization, ?2 id with its body, for run_read.
#define RUN_READ_SQL                                                                               \
    "SELECT " RUN_ROW_COLUMNS ", b.spec, " RUN_BODY_FIELD_NAMES                                    \
    " FROM run AS r LEFT JOIN run_body AS b ON b.run_key=r.run_key"                                \
    " WHERE r.organization=?1 AND r.id=?2"

// ?1 run_key.
#define RUN_BODY_SELECT_SQL "SELECT spec, " RUN_BODY_FIELD_NAMES " FROM run_body WHERE run_key=?1"

// What is read of a run beside its record.
struct run_row {
    int64_t run_key;
    int64_t workflow_key;
    int64_t newest_event; // of the run
    int status_in_row;    // which may be behind the run
    int64_t sequence_in_row;
    bool has_terms; // there is a row of run_term; that of run is then never behind
};

// Reads the row at s, that of run_term if there is one, and what the run has become since into
// ret, which is all 0: all but spec and the fields of run_body; with copies in a. Returns
// SQLITE_CORRUPT if it is no sound one.
int run_row_read(struct session *session, struct arena *a, sqlite3_stmt *s, struct run_record *ret,
                 struct run_row *ret_row);

// Returns the status of the run whose row is at s, without copying anything; an impossible one
// of the row is returned as it is.
int run_row_status(struct session *session, sqlite3_stmt *s);

// Reads spec and the fields of run_body of run_key with select_body (RUN_BODY_SELECT_SQL)
// into ret. Returns SQLite's code; SQLITE_CORRUPT if the run has no body.
int run_body_read(struct arena *a, sqlite3_stmt *select_body, int64_t run_key,
                  struct run_record *ret);

// Reads the run of organization and id with s (RUN_READ_SQL), in the part that reads without what
// came with events that session->is_old tells of. Returns SQLite's code:
// SQLITE_DONE if there is none, SQLITE_CORRUPT if it is no sound one.
int run_read(struct session *session, struct arena *a, sqlite3_stmt *s, struct slice organization,
             const struct run_id *id, struct run_record *ret, struct run_row *ret_row);

// As run_read, for the part that reads: in a snapshot that has all that made the run what it is.
// It may be another one than before.
int run_read_whole(struct session *session, struct arena *a, sqlite3_stmt *s,
                   struct slice organization, const struct run_id *id, struct run_record *ret,
                   struct run_row *ret_row);

// Bind RUN_ROW_FIELDS, or RUN_BODY_FIELDS, to the parameters from first on; fields outlives the
// statement's run.
void run_row_bind_fields(sqlite3_stmt *s, int first, const struct run_fields *fields);
void run_body_bind_fields(sqlite3_stmt *s, int first, const struct run_fields *fields);

#endif
