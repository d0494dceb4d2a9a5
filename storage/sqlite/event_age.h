#ifndef RUNSD_STORAGE_SQLITE_EVENT_AGE_H
#define RUNSD_STORAGE_SQLITE_EVENT_AGE_H

#include <sqlite3.h>
#include <stdint.h>

// Where in the order of all events an instant lies. Their keys are in the order of their commits,
// which is taken to be that of their times; some keys have no event any more.

#define EVENT_AGE_NEWEST_SQL "SELECT coalesce(max(event_key), 0) FROM event"
// ?1 a key.
#define EVENT_AGE_AT_SQL                                                                           \
    "SELECT event_key, at FROM event WHERE event_key>=?1 ORDER BY event_key LIMIT 1"

// Finds the newest event that is from before before_us, 0 if none is, and the newest one of all,
// with newest (EVENT_AGE_NEWEST_SQL) and at (EVENT_AGE_AT_SQL). Returns SQLite's code.
int event_age_find(sqlite3_stmt *newest, sqlite3_stmt *at, int64_t before_us, int64_t *ret_event,
                   int64_t *ret_newest);

#endif
