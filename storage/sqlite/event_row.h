#ifndef RUNSD_STORAGE_SQLITE_EVENT_ROW_H
#define RUNSD_STORAGE_SQLITE_EVENT_ROW_H

#include <sqlite3.h>

#include "storage/run_record.h"

// Appends rows to table event, for the one connection that writes: the order of all events.
struct event_row {
    sqlite3_stmt *insert;
    int64_t last;      // the newest event's key
    int64_t committed; // that before the open transaction
};

// Prepares the statement. Returns SQLite's code; release in either case.
int event_row_init(struct event_row *e, sqlite3 *db);
void event_row_release(struct event_row *e);

// To be called as a transaction begins, and where it was rolled back: last is again what is
// committed.
void event_row_begun(struct event_row *e);
void event_row_rolled_back(struct event_row *e);

// The key that the next event gets.
static inline int64_t event_row_next(const struct event_row *e) {
    return e->last + 1;
}

// Where an event stands: its run, and the run's event before it (0: none).
struct event_place {
    int64_t run_key;
    int64_t previous;
};

// Adds the event of key event_row_next that made the run at place, which had status from (0:
// its creation), what it is. Returns SQLite's code.
int event_row_append(struct event_row *e, const struct event_place *place, int from,
                     const struct run_record *run, const struct event_cause *cause);

#endif
