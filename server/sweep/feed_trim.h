#ifndef RUNSD_SERVER_SWEEP_FEED_TRIM_H
#define RUNSD_SERVER_SWEEP_FEED_TRIM_H

#include "base/core/clock.h"
#include "base/core/slice.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "server/duty/duty.h"
#include "storage/run_store.h"

// A thread that raises the floors of the organizations' feeds, once in a while: events that are too
// old, or too many, can not be watched from any more. One organization after the other, by
// operations that are small each, so that no commit takes longer for it.

struct feed_trim;

struct feed_trim_options {
    const struct logger *log;
    const struct clock *clock;
    struct run_store *store;
    int64_t max_age_us;  // of an event
    int64_t max_events;  // of an organization
    int64_t interval_ms; // between two looks at all organizations; 0: FEED_TRIM_DEFAULT_MS
    struct duty *duty;   // it works while this process is on duty; NULL: always
    // Called before the floor of an organization is raised: who watches it and has everything is
    // to hear where it stands. On the thread; may be NULL.
    void (*before)(void *context, struct slice organization);
    void *context;
    struct metrics *metrics; // where it counts; NULL: nowhere
};

enum { FEED_TRIM_DEFAULT_MS = 10 * 1000 };

// Starts the thread. What options point to outlives it.
struct feed_trim *feed_trim_start(const struct feed_trim_options *options);

// Another age and number of events, from the next look on. Thread safe.
void feed_trim_set(struct feed_trim *trim, int64_t max_age_us, int64_t max_events);

// Ends the thread, before the store is closed. NULL is ignored.
void feed_trim_stop(struct feed_trim *trim);

#endif
