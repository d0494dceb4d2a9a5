#ifndef RUNSD_SERVER_SWEEP_RETENTION_H
#define RUNSD_SERVER_SWEEP_RETENTION_H

#include "base/core/clock.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "server/duty/duty.h"
#include "storage/run_store.h"

// A thread that deletes runs that are final for long enough, with their events and keys
// (storage/op/delete_runs.h), in the order of their ends. Small batches, one after the other, with
// a pause behind each that is as long as it took: no commit waits for more than one of them, and
// half of the time is others'.
//
// Watches are not told before: what it deletes is older than the bookmark that each has had since.

struct retention;

struct retention_options {
    const struct logger *log;
    const struct clock *clock;
    struct run_store *store;
    int64_t retain_us;       // how long a final run is kept at least; 0: for good
    int64_t interval_ms;     // between two looks; 0: RETENTION_DEFAULT_MS
    struct duty *duty;       // it works while this process is on duty; NULL: always
    struct metrics *metrics; // where it counts; NULL: nowhere
};

enum { RETENTION_DEFAULT_MS = 10 * 1000 };

// Starts the thread. What options point to outlives it.
struct retention *retention_start(const struct retention_options *options);

// Another time, from the next look on; 0: for good. Thread safe.
void retention_set(struct retention *retention, int64_t retain_us);

// Ends the thread, before the store is closed. NULL is ignored.
void retention_stop(struct retention *retention);

#endif
