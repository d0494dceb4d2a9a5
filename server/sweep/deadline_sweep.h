#ifndef RUNSD_SERVER_SWEEP_DEADLINE_SWEEP_H
#define RUNSD_SERVER_SWEEP_DEADLINE_SWEEP_H

#include "base/core/clock.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "server/duty/duty.h"
#include "server/lease/lease_table.h"
#include "storage/run_store.h"

// Ends the runs whose deadline has come: a thread that asks the store for them, as far as they are
// due, and makes each a failure, or cancelled, by a compare-and-set that holds the deadline too. A
// deadline is an instant in the store: a restart, a pause or a step of the clock makes it later or
// sooner, but neither lost nor done twice. It works while this process is on duty; where others
// serve the store too it looks again and again for the deadlines that they do not tell it of.
// Thread safe but for its end.

struct deadline_sweep;

// Starts the thread, which looks at once. All of these outlive it; duty and metrics may be NULL.
struct deadline_sweep *deadline_sweep_start(const struct logger *log, const struct clock *clock,
                                            struct run_store *store, struct lease_table *leases,
                                            struct duty *duty, struct metrics *metrics);

// A run has a deadline at due_us (run_record_due_us), microseconds since the epoch; 0: none, which
// costs nothing. With 1 the thread looks at all of them again, as after an organization was thawed:
// it does not pass those of frozen ones again and again.
void deadline_sweep_note(struct deadline_sweep *sweep, int64_t due_us);

// Ends the thread, before the store is closed. NULL is ignored.
void deadline_sweep_stop(struct deadline_sweep *sweep);

#endif
