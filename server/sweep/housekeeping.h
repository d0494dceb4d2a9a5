#ifndef RUNSD_SERVER_SWEEP_HOUSEKEEPING_H
#define RUNSD_SERVER_SWEEP_HOUSEKEEPING_H

#include "base/core/clock.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "server/duty/duty.h"
#include "storage/run_store.h"

// A thread that has the store forget, once in a while, what has no use any more: keys under which
// requests can not be repeated any longer, cancels of many runs that have been over for long, and
// plans that nobody has executed. By operations that are small each, with a pause as long
// as each took, so that no commit waits for it.

struct housekeeping;

struct housekeeping_options {
    const struct logger *log;
    const struct clock *clock;
    struct run_store *store;
    int64_t key_ttl_us; // how long a key counts
    // How long a bulk cancel is kept after its end; 0: HOUSEKEEPING_DEFAULT_BULK_AGE_US.
    int64_t bulk_age_us;
    // How long a plan is kept after its creation; 0: HOUSEKEEPING_DEFAULT_PLAN_AGE_US.
    int64_t plan_age_us;
    int64_t interval_ms;     // between two looks; 0: HOUSEKEEPING_DEFAULT_MS
    struct duty *duty;       // it works while this process is on duty; NULL: always
    struct metrics *metrics; // where it counts; NULL: nowhere
};

enum { HOUSEKEEPING_DEFAULT_MS = 60 * 1000 };
#define HOUSEKEEPING_DEFAULT_BULK_AGE_US (INT64_C(7) * 24 * 3600 * 1000000)
#define HOUSEKEEPING_DEFAULT_PLAN_AGE_US (INT64_C(3600) * 1000000)

// Starts the thread. What options point to outlives it.
struct housekeeping *housekeeping_start(const struct housekeeping_options *options);

// Other ages, from the next look on. Thread safe.
void housekeeping_set(struct housekeeping *keeping, int64_t key_ttl_us, int64_t bulk_age_us);

// Ends the thread, before the store is closed. NULL is ignored.
void housekeeping_stop(struct housekeeping *keeping);

#endif
