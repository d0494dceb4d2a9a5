#ifndef RUNSD_STORAGE_POSTGRES_WATCHER_H
#define RUNSD_STORAGE_POSTGRES_WATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/postgres/pg_connection.h"
#include "storage/postgres/replication.h"
#include "storage/postgres/schema.h"
#include "storage/postgres/store_news.h"
#include "storage/store_metrics.h"

// The thread that finds out what other servers of the same store do, and tells them of ours. It has
// one connection, without a pooler, and looks at the store every PG_WATCH_INTERVAL_US, after each
// notification of another server, and after each time that it had to connect again. Notifications
// are hints, sent outside of the transactions that they tell of, a few at most in any time.
//
// It holds the lock that puts one server on duty: with its connection the lock is lost, and where
// the process is killed, or stands still, another server takes it over within 5 s.

enum {
    PG_WATCH_INTERVAL_US = 400 * 1000,
    PG_WHOLE_LOOK_US = 10 * 1000 * 1000, // at all organizations
    PG_NOTIFY_INTERVAL_US = 20 * 1000,   // at least, between notifications
};

struct pg_watcher_surroundings {
    struct pg_connection_options connection; // all but application_name
    struct store_news *news;
    struct replication_guard *guard;
    struct store_metrics *metrics;
    const struct logger *log;
    // As in struct run_store_options; may be NULL.
    void (*on_duty)(void *context, bool is_on_duty);
    void (*on_tokens)(void *context);
    void *context;
};

struct pg_watcher;

// Connects, looks once, and starts the thread. *ret_row is what the store says of itself. store is
// its URL, for messages. Errors as run_store_open, in a; FAILED_PRECONDITION also where the server
// is not replicated as is required. around is copied.
const struct error *pg_watcher_start(struct arena *a, const char *store,
                                     const struct pg_watcher_surroundings *around,
                                     struct pg_schema_row *ret_row,
                                     struct pg_watcher **ret_watcher);

// This process has changed the store: other servers are told so, soon. Thread safe.
void pg_watcher_note_change(struct pg_watcher *w);

struct pg_watcher_use {
    bool is_open;
    bool is_on_duty;
    int64_t reconnects;
};

// Thread safe.
struct pg_watcher_use pg_watcher_look(struct pg_watcher *w);

// Tells the others of what they were not told of yet, and ends the thread, off duty. NULL is
// ignored.
void pg_watcher_stop(struct pg_watcher *w);

#endif
