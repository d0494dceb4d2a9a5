#ifndef RUNSD_STORAGE_POSTGRES_COPY_USERS_H
#define RUNSD_STORAGE_POSTGRES_COPY_USERS_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/postgres/pg_connection.h"

// Who else uses a store that is one end of a copy.

// What a copy's own sessions are called.
#define COPY_APPLICATION_NAME "runsctl store copy"

// Takes the lock of who is on duty for a store, until the end of the transaction that is open, and
// looks for sessions of servers and copies, for 3 seconds, since a session outlives its client for
// a moment. FAILED_PRECONDITION if there is one then, which the message names; UNAVAILABLE.
const struct error *copy_users_refuse(struct arena *a, struct pg_connection *c, const char *store);

#endif
