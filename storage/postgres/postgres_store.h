#ifndef RUNSD_STORAGE_POSTGRES_POSTGRES_STORE_H
#define RUNSD_STORAGE_POSTGRES_POSTGRES_STORE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/run_store.h"

// The back-end for many servers: a database of PostgreSQL, which other processes serve at the same
// time. Threads write with group commit, others read, and one watches what the other servers do.
// queue_limit holds for writing and reading operations apart.
//
// Opens the store, whose tables are there (storage/postgres/migrate.h). name is its URL, for
// messages. conninfo is for libpq, as is direct_conninfo, which leads to the same server without a
// pooler; NULL: conninfo has none. Errors as run_store_open; NOT_FOUND where there are no tables,
// FAILED_PRECONDITION also where the server is replicated less than options->require_replicas asks.
const struct error *postgres_store_open(struct arena *a, const char *name, const char *conninfo,
                                        const char *direct_conninfo,
                                        const struct run_store_options *options,
                                        struct run_store **ret_store);

#endif
