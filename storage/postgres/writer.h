#ifndef RUNSD_STORAGE_POSTGRES_WRITER_H
#define RUNSD_STORAGE_POSTGRES_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "storage/op/store_op.h"
#include "storage/postgres/pg_connection.h"

struct store_metrics; // storage/store_metrics.h

// The threads that change the store, each with a connection and a queue of its own. Each takes all
// operations that wait for it, runs them in one transaction, commits and answers them: group
// commit. An organization's quick operations are all one writer's, so that no writer waits for
// another one's lock; those that are alone in their transactions (struct postgres_op) have a writer
// apart.

// Whether changes may be made, and under what.
struct pg_writer_guard {
    bool allows;
    // What synchronous_standby_names has to be in the transaction of a change; NULL: whatever.
    const char *standby_names;
    const char *detail; // why it does not allow any
};

struct pg_writer_surroundings {
    struct pg_connection_options connection; // all but application_name
    int queue_limit;                         // of all writers together; 0: the default
    struct store_metrics *metrics;
    const struct logger *log;
    // Called before each transaction, on a writer's thread; texts in a. NULL: all is allowed.
    void (*look_at_guard)(void *context, struct arena *a, struct pg_writer_guard *ret);
    // Called once what a transaction did to each organization is durable, and its operations are
    // answered: by several threads at once, for one organization mostly, but not always, in the
    // order of its revisions. commits is valid during the call.
    void (*on_commit)(void *context, const struct store_commit *commits, int count);
    // Called when changes stop working, and when they do again: by one thread at a time, in turns,
    // false first. detail is why, NULL where they work.
    void (*on_health)(void *context, bool works, const char *detail);
    void *context;
};

struct pg_writers;

// Starts the threads, which connect by themselves. around is copied; what it points at outlives
// the writers.
struct pg_writers *pg_writers_start(const struct pg_writer_surroundings *around);

// Hands op, which changes the store, to a writer, which answers it by store_metrics_answer. Returns
// false, having done nothing, if too many operations wait. Thread safe.
bool pg_writers_push(struct pg_writers *all, struct store_op *op);

// How many operations wait. Thread safe.
int pg_writers_waiting(struct pg_writers *all);

// Of connections for metrics: how many there are and how many of them are open. Thread safe.
struct pg_writers_use {
    int connections;
    int open;
    int64_t reconnects;
    int64_t unknown_commits; // that were not answered
};
struct pg_writers_use pg_writers_look(struct pg_writers *all);

// Finishes all that was pushed before, ends the threads and frees all of it. NULL is ignored.
void pg_writers_stop(struct pg_writers *all);

#endif
