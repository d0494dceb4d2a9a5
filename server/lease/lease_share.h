#ifndef RUNSD_SERVER_LEASE_LEASE_SHARE_H
#define RUNSD_SERVER_LEASE_LEASE_SHARE_H

#include "base/log/log.h"
#include "server/duty/duty.h"
#include "server/lease/lease_table.h"
#include "server/lease/stop_waits.h"
#include "storage/run_store.h"

// What leases need where several servers serve one store: a thread that
// - on the server on duty, which ends the leases, reads in the store which there are, as others
// give
//   them: all when it goes on duty, and again after others' commits;
// - on each, looks for the end of work that calls wait for and another server may have been told
// of.

struct lease_share;

// All of these outlive it; duty may be NULL.
struct lease_share *lease_share_new(const struct logger *log, struct run_store *store,
                                    struct lease_table *table, struct stop_waits *waits,
                                    struct duty *duty);

// Starts the thread.
void lease_share_start(struct lease_share *share);

// Another server has committed something. Thread safe; does not block.
void lease_share_hint(struct lease_share *share);

// Ends the thread, before the store is closed. After lease_share_start, once.
void lease_share_stop(struct lease_share *share);

// Once no thread of the store is left. NULL is ignored.
void lease_share_free(struct lease_share *share);

// Puts the leases that the store has into the table, each with its whole duration from now on.
// Returns false if it cannot be read: why is in *ret_detail, in a.
bool lease_share_read(struct run_store *store, struct lease_table *table, struct arena *a,
                      const char **ret_detail);

#endif
