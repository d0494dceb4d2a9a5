#ifndef RUNSD_STORAGE_POSTGRES_WORK_TRANSACTION_H
#define RUNSD_STORAGE_POSTGRES_WORK_TRANSACTION_H

#include "storage/postgres/work.h"

// A work's transaction, for the driver of operations alone.

// Makes one that works on the connection, which outlives it.
struct work *work_new(struct pg_connection *connection);

// NULL is ignored.
void work_free(struct work *work);

// Queues BEGIN, once for each transaction.
void work_begin(struct work *work);

// Queues what work_flush writes.
void work_queue_flush(struct work *work);

// Why the store refused the last load, where that is not the connection's; else NULL.
const char *work_problem(const struct work *work);

// Returns what the transaction did to each organization, until work_reset; *ret_commits is NULL
// where it made no event.
int work_commits(struct work *work, struct store_commit **ret_commits);

// The transaction has ended, however: forgets all of it, and clears the connection.
void work_reset(struct work *work);

#endif
