#ifndef RUNSD_SERVER_BULK_BULK_RUNNER_H
#define RUNSD_SERVER_BULK_BULK_RUNNER_H

#include "base/core/clock.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "server/bulk/bulk_waits.h"
#include "server/duty/duty.h"
#include "server/lease/lease_table.h"
#include "storage/run_store.h"

// A thread that does the work of bulk cancels: it has the store take one step of each after the
// other, an organization at a time, until none has a next one. What is to be done is in the store,
// and each step is a transaction of it: so a thread that begins goes on where the one before
// stopped, however that ended.
//
// While calls change the store too the steps are smaller, and after each the store is left to the
// calls for three times as long as the step took: they are not to be much slower than without it.
//
// Of all servers of a store the one on duty does it. The thread of the others looks for what those
// wait for who called there.

struct bulk_runner;

// Starts the thread, which looks for work at once. All of these outlive it; duty and metrics may be
// NULL.
struct bulk_runner *bulk_runner_start(const struct logger *log, const struct clock *clock,
                                      struct run_store *store, struct lease_table *leases,
                                      struct duty *duty, struct metrics *metrics);

// There is work: a bulk cancel was made or executed. Without, the thread finds it some moments
// later, as that of an organization that is not frozen any more. Thread safe.
void bulk_runner_wake(struct bulk_runner *runner);

// Who waits until the runs of a bulk cancel are collected.
struct bulk_waits *bulk_runner_waits(struct bulk_runner *runner);

// A call is about to change the store: so the thread knows that it is not alone. Costs next to
// nothing. Thread safe; NULL is ignored.
void bulk_runner_note_change(struct bulk_runner *runner);

// Ends the thread, before the store is closed, and the waits. Bulk cancels stay as they are.
void bulk_runner_stop(struct bulk_runner *runner);

// After bulk_runner_stop, once no call is left. NULL is ignored.
void bulk_runner_free(struct bulk_runner *runner);

#endif
