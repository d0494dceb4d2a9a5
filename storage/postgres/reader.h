#ifndef RUNSD_STORAGE_POSTGRES_READER_H
#define RUNSD_STORAGE_POSTGRES_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/op/store_op.h"
#include "storage/postgres/pg_connection.h"
#include "storage/postgres/store_health.h"
#include "storage/store_metrics.h"

// The threads that answer operations that only read, each with a connection to the primary. A
// thread takes one operation, or all that wait of a kind that is read at once
// (postgres_op.read_all): under load many are one statement. Those that are long by their kind run
// on half of the threads at most.
//
// A server that was the primary may not know that it is that no more: one that stood still for a
// while, or that nobody reaches. Where standbys are required, what it read is answered only if,
// not longer than PG_CONFIRM_US before, a commit of the reader's on the same connection was
// confirmed by them. So such a server answers nothing any more, PG_CONFIRM_US after its standbys
// have left it; no other becomes the primary sooner (OPERATING.md: Patroni's ttl).
//
// An operation whose connection is lost is read again on a new one, until nobody has reached the
// server for PG_READ_WAIT_US; its own time is bounded, too.

enum { PG_READERS = 4 };
enum {
    PG_READ_WAIT_US = 5 * 1000 * 1000,
    PG_LONG_READ_US = 60 * 1000 * 1000, // what one that is long may take, once it is begun
    PG_CONFIRM_US = 2 * 1000 * 1000,
};

struct pg_reader_surroundings {
    struct pg_connection_options connection; // all but application_name
    int queue_limit;                         // 0: the default
    bool confirms;                           // standbys are required
    struct store_metrics *metrics;
    const struct logger *log;
    struct store_health *health;
};

struct pg_readers;

// Starts the threads, which connect by themselves. around is copied; what it points at outlives the
// readers.
struct pg_readers *pg_readers_start(const struct pg_reader_surroundings *around);

// Hands op to a reader, which answers it by store_metrics_answer. Returns false, having done
// nothing, if too many operations wait. Thread safe.
bool pg_readers_push(struct pg_readers *all, struct store_op *op);

struct pg_readers_use {
    int waiting; // operations
    int at_work; // threads
    int open;    // connections
    int64_t reconnects;
};

// Thread safe.
struct pg_readers_use pg_readers_look(struct pg_readers *all);

// Finishes all that was pushed before, ends the threads and frees all of it. NULL is ignored.
void pg_readers_stop(struct pg_readers *all);

#endif
