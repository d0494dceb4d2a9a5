#ifndef RUNSD_SERVER_BULK_BULK_WAITS_H
#define RUNSD_SERVER_BULK_BULK_WAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/slice.h"

// Who waits until it is known which runs a bulk cancel is about. A list: there are as many waits as
// bulk cancels are being collected, or a few more. Thread safe.

struct bulk_waits;

// One wait, embedded in what waits.
struct bulk_wait {
    // Of the caller, who keeps them until the wait has ended.
    struct slice organization;
    struct slice id;
    int64_t until_us; // clock_monotonic_us
    // Called once, on any thread, under no lock, however the wait ends; must not block. The wait is
    // its caller's again.
    void (*ended)(struct bulk_wait *wait);

    // Of bulk_waits.
    struct bulk_wait *next;
    uint64_t number; // in the order in which they began
    bool is_there;
    bool is_gone;
};

struct bulk_waits *bulk_waits_new(void);

// There must be none any more. NULL is ignored.
void bulk_waits_free(struct bulk_waits *waits);

// Begins a wait, whose first part is set and the rest zero. It may end within this call.
void bulk_waits_add(struct bulk_waits *waits, struct bulk_wait *wait);

// The caller of the wait is gone: it ends, unless it has ended; if it has not begun, it ends as it
// begins.
void bulk_waits_gone(struct bulk_waits *waits, struct bulk_wait *wait);

// It is known which runs the bulk cancel is about.
void bulk_waits_tell(struct bulk_waits *waits, struct slice organization, struct slice id);

// Copies what one wait is for, of those that began after *mark, in the order in which they began;
// a mark of 0 is before all. Moves the mark there. Returns false if there is none.
bool bulk_waits_next(struct bulk_waits *waits, uint64_t *mark, struct arena *a,
                     struct slice *ret_organization, struct slice *ret_id);

// Ends the waits whose time is over.
void bulk_waits_expire(struct bulk_waits *waits, int64_t now_us);

// Ends all of them, and at once those to come.
void bulk_waits_stop(struct bulk_waits *waits);

#endif
