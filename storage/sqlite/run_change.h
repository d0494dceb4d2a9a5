#ifndef RUNSD_STORAGE_SQLITE_RUN_CHANGE_H
#define RUNSD_STORAGE_SQLITE_RUN_CHANGE_H

#include "storage/sqlite/run_row.h"

// A change of a run with its event.

struct run_change {
    struct run_id id;
    struct run_row row;
    struct run_record before;
    struct run_record after;
    const struct idempotency *idempotency; // of the event; NULL: none
};

// ?1 and ?2 the run, ?3 to ?5 the status, the sequence and the attempt that its row must have; ?6
// to ?10 what the row gets.
#define RUN_CHANGE_SQL                                                                             \
    "UPDATE run SET status=?6, updated_at=?7, sequence=?8, newest_event=?9, attempt=?10,"          \
    " has_terms=1 WHERE organization=?1 AND id=?2 AND status=?3 AND sequence=?4 AND attempt=?5"

// Appends the event of kind and cause that made c->before c->after. Returns SQLite's code.
int run_change_append(struct session *session, const struct run_change *c,
                      enum store_event_kind kind, const struct event_cause *cause,
                      int64_t *ret_revision);

// Leaves the row of the run, which has no terms, to be brought up to date later: the event that was
// appended says all that changes.
void run_change_leave_pending(struct session *session, const struct run_change *c);

// Writes the row of run_term, which is made if there is none. Returns SQLite's code.
int run_change_write_terms(struct session *session, const struct run_change *c);

// Stores all of the change but its fields, with update (RUN_CHANGE_SQL). Returns SQLite's code;
// SQLITE_CORRUPT if the rows are not those of c->before.
int run_change_write(struct session *session, sqlite3_stmt *update, const struct run_change *c,
                     enum store_event_kind kind, const struct event_cause *cause,
                     int64_t *ret_revision);

#endif
