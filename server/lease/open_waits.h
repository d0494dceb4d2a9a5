#ifndef RUNSD_SERVER_LEASE_OPEN_WAITS_H
#define RUNSD_SERVER_LEASE_OPEN_WAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/slice.h"
#include "server/lease/due_heap.h"
#include "server/lease/wait_end.h"

// Who waits for runs that can be acquired. They try one after the other: those that ask for the
// same in the order in which they came, and those that ask for different things in turns. So that
// a run which becomes free is one try's, not one of each that waits. Thread safe.

struct open_waits;
struct wait_group;

// One wait, embedded in what waits.
struct open_wait {
    // Of the caller, who keeps them until the wait has ended.
    struct slice organization;
    struct slice workflow_id; // empty: any
    bool is_special;          // it asks for what nobody else asks for
    int64_t until_us;         // clock_monotonic_us
    // Tries to acquire; open_waits_tried follows, at once or later, on any thread. One at a time.
    // Called on any thread, under no lock; must not block.
    void (*attempt)(struct open_wait *wait);
    // Called once, on any thread, if the wait ended without success; never during an attempt.
    void (*ended)(struct open_wait *wait, enum wait_end why);

    // Of open_waits.
    struct due due;
    struct wait_group *group; // NULL: it has ended
    struct open_wait *next;   // of its group, or of those that are about to try or to end
    bool is_trying;
    bool is_ending; // after its attempt
    enum wait_end why;
    uint64_t seen; // the organization's openings when it began to try
};

// wake as for stop_waits_new.
struct open_waits *open_waits_new(void (*wake)(void *context), void *context);

// There must be none any more. NULL is ignored.
void open_waits_free(struct open_waits *waits);

// How many waits there are.
int open_waits_count(struct open_waits *waits);

// Begins a wait, whose first part is set and the rest zero, with an attempt when it is its turn. It
// may end within this call.
void open_waits_add(struct open_waits *waits, struct open_wait *wait);

// The wait's attempt has ended. is_over: it got runs, or failed, so that the wait has ended too,
// and belongs to its caller again; else it goes on, or `ended` is called within this call.
void open_waits_tried(struct open_waits *waits, struct open_wait *wait, bool is_over);

// The caller of the wait is gone. If that is not known already, `ended` is called.
void open_waits_gone(struct open_waits *waits, struct open_wait *wait);

// Runs of the organization became such that they can be acquired.
void open_waits_opened(struct open_waits *waits, struct slice organization);

// As those of stop_waits.
void open_waits_expire(struct open_waits *waits, int64_t now_us);
int64_t open_waits_due_us(struct open_waits *waits);
void open_waits_stop(struct open_waits *waits);

#endif
