#ifndef RUNSD_SERVER_LEASE_LEASE_KEEPER_H
#define RUNSD_SERVER_LEASE_LEASE_KEEPER_H

#include "base/core/arena.h"
#include "base/core/clock.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "server/duty/duty.h"
#include "server/lease/lease_table.h"
#include "server/lease/open_waits.h"
#include "server/lease/stop_waits.h"
#include "storage/run_store.h"

// Keeps the leases of a store's runs, and ends those that were not renewed: a thread that has the
// store end each by a compare-and-set of its attempt. Thread safe but for its begin and end.
//
// No lease ends sooner than its duration after the server serves again: after a start, and after a
// time in which the process or the machine stood still, which the thread notices because it
// came late itself. The time of day has no part in it.
//
// Of all servers of a store the one on duty ends leases (server/lease/lease_share.h). The others
// know those that were given or renewed there; of a renewal the store is asked, too.

struct lease_keeper;

// All of these outlive it; duty and metrics may be NULL.
struct lease_keeper *lease_keeper_new(const struct logger *log, const struct clock *clock,
                                      struct run_store *store, struct duty *duty,
                                      struct metrics *metrics);

// Reads the leases that the store has, unless others serve it, too. Returns false if it cannot be
// read: why is in *ret_detail, in a.
bool lease_keeper_load(struct lease_keeper *keeper, struct arena *a, const char **ret_detail);

// The server serves from now on: starts the thread.
void lease_keeper_start(struct lease_keeper *keeper);

struct lease_table *lease_keeper_table(struct lease_keeper *keeper);
struct open_waits *lease_keeper_open_waits(struct lease_keeper *keeper);
struct stop_waits *lease_keeper_stop_waits(struct lease_keeper *keeper);

// As on_commit of struct run_store_options: who waits for runs tries, where there are some now.
void lease_keeper_committed(struct lease_keeper *keeper, const struct store_commit *commits,
                            int count);

// A lease begins: as lease_table_put.
void lease_keeper_put(struct lease_keeper *keeper, const struct lease *lease);

// Ends all waits, and at once those to come. The server begins to stop.
void lease_keeper_end_waits(struct lease_keeper *keeper);

// Ends the thread, before the store is closed. Leases stay as they are.
void lease_keeper_stop(struct lease_keeper *keeper);

// After lease_keeper_stop, or without lease_keeper_start, once no call is left. NULL is ignored.
void lease_keeper_free(struct lease_keeper *keeper);

#endif
