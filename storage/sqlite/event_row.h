#ifndef RUNSD_STORAGE_SQLITE_EVENT_ROW_H
#define RUNSD_STORAGE_SQLITE_EVENT_ROW_H

#include <sqlite3.h>

#include "storage/idempotency.h"
#include "storage/run_record.h"
#include "storage/sqlite/organizations.h"
#include "storage/sqlite/run_counts.h"
#include "storage/sqlite/run_id.h"

// Appends rows to table event, for the one connection that writes: the order of all events,
// and within each organization that of its revisions; and counts the runs by what they tell.
struct event_row {
    sqlite3_stmt *insert;
    sqlite3_stmt *insert_mark;
    struct organizations *organizations;
    struct run_counts *counts;
    int64_t last;      // the newest event's key
    int64_t committed; // that before the open transaction
};

// An event says which was its organization's before it, and every so many revisions have their
// key in table event_mark: the event of any revision is found by so many steps at most, and
// an event costs no page besides its own.
enum { EVENT_MARK_INTERVAL = 64 };
#define EVENT_MARK_INTERVAL_SQL "64"

// Prepares the statements. counts is NULL where nothing is counted, as the runs of all events are
// later. Returns SQLite's code; release in either case.
int event_row_init(struct event_row *e, sqlite3 *db, struct organizations *organizations,
                   struct run_counts *counts);
void event_row_release(struct event_row *e);

// To be called as a transaction begins, and where it was rolled back: last is again what is
// committed.
void event_row_begun(struct event_row *e);
void event_row_rolled_back(struct event_row *e);

// The key that the next event gets.
static inline int64_t event_row_next(const struct event_row *e) {
    return e->last + 1;
}

// What an event says beside the run that it made.
struct event_source {
    enum store_event_kind kind;
    const struct run_id *id; // of the run
    int64_t workflow_key;    // of the run
    int64_t previous;        // the key of the run's event before it; 0: none
    int from;                // the status before it; 0: its creation
    struct slice holder;     // run_event_holder
    const struct event_cause *cause;
    const struct idempotency *idempotency; // NULL: none
    bool opens; // the run can be acquired from here on, and could not be before
};

// What the number of runs of each status loses and gains by an event of kind from one status to
// another: by a deletion the run of its status is gone (0).
static inline int event_row_counted_to(enum store_event_kind kind, int to) {
    return kind == STORE_EVENT_DELETION ? 0 : to;
}

// The columns of an event, of the row e, that event_row_read reads from column first on, with
// copies in a.
#define EVENT_ROW_COLUMNS                                                                          \
    "e.sequence, e.from_status, e.to_status, e.at, e.revision, e.kind, e.attempt, e.actor,"        \
    " e.reason, e.request_id, e.remote_address, e.idempotency_key, e.holder"
struct run_event event_row_read(struct arena *a, sqlite3_stmt *s, int first);

// Reads, with s, who made a run final and how, whose newest event is that of key: of that event,
// or of the one before it if that is of a stop; with copies in a. Returns SQLite's code;
// SQLITE_CORRUPT if an event is missing.
#define EVENT_ROW_ENDING_SQL                                                                       \
    "SELECT kind, previous_of_run, actor, reason, request_id, remote_address, idempotency_key"     \
    " FROM event WHERE event_key=?1"
int event_row_read_ending(struct arena *a, sqlite3_stmt *s, int64_t key, struct event_cause *ret);

// Adds the event of key event_row_next that made run what it is. *ret_revision is its
// organization's revision. Returns SQLite's code.
int event_row_append(struct event_row *e, const struct run_record *run,
                     const struct event_source *source, int64_t *ret_revision);

#endif
