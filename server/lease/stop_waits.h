#ifndef RUNSD_SERVER_LEASE_STOP_WAITS_H
#define RUNSD_SERVER_LEASE_STOP_WAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "server/lease/due_heap.h"
#include "server/lease/wait_end.h"
#include "storage/run_record.h"

// Who waits until the work of a cancelled run has stopped. Thread safe.

struct stop_waits;

// One wait, embedded in what waits.
struct stop_wait {
    // Of the caller, who keeps them until the wait has ended.
    struct slice organization;
    struct slice run_id;
    int64_t until_us; // clock_monotonic_us
    // Called once, on any thread, unless stop_waits_gone returned true: the work has stopped,
    // and run is the run then, until this returns; or, with run NULL, the wait ended so.
    void (*ended)(struct stop_wait *wait, const struct run_record *run, enum wait_end why);

    // Of stop_waits.
    struct due due;
    struct stop_wait *next;
    struct stop_wait **link; // what points to this one; NULL: it has ended
    uint32_t hash;
    bool is_gone;
};

// wake is called, on any thread and under a lock, when stop_waits_expire must be called sooner than
// stop_waits_due_us said.
struct stop_waits *stop_waits_new(void (*wake)(void *context), void *context);

// There must be none any more. NULL is ignored.
void stop_waits_free(struct stop_waits *waits);

// How many waits there are.
int stop_waits_count(struct stop_waits *waits);

// Begins a wait, whose first part is set and the rest zero. It may end within this call.
void stop_waits_add(struct stop_waits *waits, struct stop_wait *wait);

// The caller of the wait is gone. Returns true if that ends the wait, which `ended` is not called
// for; false if it has ended, or is about to, or has not begun: then it ends as it begins.
bool stop_waits_gone(struct stop_waits *waits, struct stop_wait *wait);

// The work of run, of the organization, has stopped.
void stop_waits_tell(struct stop_waits *waits, struct slice organization, struct slice run_id,
                     const struct run_record *run);

// The runs of some waits.
struct stop_wait_run {
    struct slice organization;
    struct slice run_id;
};

// Copies what is waited for into a, at *place and behind it, which moves; it begins with 0.
// Returns how many there are in *ret_runs; 0: no more.
int stop_waits_list(struct stop_waits *waits, size_t *place, struct arena *a,
                    struct stop_wait_run **ret_runs);

// Ends the waits whose time is over.
void stop_waits_expire(struct stop_waits *waits, int64_t now_us);

// When the first one's is; INT64_MAX: there is none.
int64_t stop_waits_due_us(struct stop_waits *waits);

// Ends all of them, and at once those to come.
void stop_waits_stop(struct stop_waits *waits);

#endif
