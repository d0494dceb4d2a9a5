#ifndef RUNSD_STORAGE_POSTGRES_CHANGE_TRANSACTION_H
#define RUNSD_STORAGE_POSTGRES_CHANGE_TRANSACTION_H

#include "storage/postgres/change_batch.h"
#include "storage/postgres/commit_outcome.h"
#include "storage/postgres/work.h"

// A transaction that carries out a batch of operations: two flights of statements, one that locks
// and reads, one that writes and commits; between them the operations decide.

enum {
    // For how long the first one waits for the database server, and the second one for the commit:
    // of operations that are alone in their transaction, and of all others.
    CHANGE_WAIT_US = 5000000,
    CHANGE_COMMIT_WAIT_US = 5000000,
    CHANGE_ALONE_WAIT_US = 60000000,
    CHANGE_ALONE_COMMIT_WAIT_US = 15000000,
};

// How a transaction ended.
enum change_ending {
    CHANGE_MADE,
    CHANGE_AGAIN,   // nothing changed, and the whole may be tried again
    CHANGE_REFUSED, // nothing changed, and would not the next time
    CHANGE_LOST,    // before the commit was sent: nothing changed
    CHANGE_UNKNOWN, // after it
};

// What it works with, of one thread.
struct change_transaction {
    struct pg_connection *connection; // open
    struct work *work;                // which has what the transaction did, from its end on
    struct commit_mark *mark;         // of the connection
    bool is_alone;
    const char *standby_names; // synchronous_standby_names as it has to be; NULL: whatever
    struct store_metrics *metrics;
};

// Carries out the operations of b, which may be none, and sets their results. Nothing is answered.
enum change_ending change_transaction_run(const struct change_transaction *t,
                                          const struct change_batch *b);

#endif
