#ifndef RUNSD_RPC_TIMEOUTS_INTERNAL_H
#define RUNSD_RPC_TIMEOUTS_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// What one thread, a local loop's, ends early: because its time is over, or because it was
// cancelled.

struct rpc_timeout {
    int64_t due_us; // clock_monotonic_us; 0: none
    // Called once by rpc_timeouts_run or rpc_timeouts_sweep, if one of the two comes before
    // rpc_timeouts_remove. May add and remove others.
    void (*expire)(struct rpc_timeout *timeout);

    // Of rpc_timeouts.
    struct rpc_timeout *next;
    struct rpc_timeout **link; // what points to this one; NULL: not in the list
    atomic_bool is_cancelled;
};

struct rpc_timeouts {
    struct rpc_timeout *first;
    int64_t earliest_us; // nothing is due before; 0: nothing is due at all
    atomic_bool is_sweep_due;
};

void rpc_timeouts_init(struct rpc_timeouts *timeouts);

// Adds one of which due_us and expire are set, the rest zero. On the one thread, as
// all that follows but for rpc_timeouts_cancel.
void rpc_timeouts_add(struct rpc_timeouts *timeouts, struct rpc_timeout *timeout);

// Removes one, unless it has expired.
void rpc_timeouts_remove(struct rpc_timeout *timeout);

// Has one, which need not be added yet, expire at the next sweep. Returns whether the caller
// must see to it that rpc_timeouts_sweep is called once more; else another one does.
// Afterwards the timeout is not touched unless it is in the list. Thread safe.
bool rpc_timeouts_cancel(struct rpc_timeouts *timeouts, struct rpc_timeout *timeout);

// Expires what was cancelled, and what is due.
void rpc_timeouts_sweep(struct rpc_timeouts *timeouts);

// Expires what is due. Returns after how many milliseconds to call this again at the latest;
// negative: nothing is due ever.
int rpc_timeouts_run(struct rpc_timeouts *timeouts);

#endif
