#ifndef RUNSD_RPC_LOOP_ROUND_INTERNAL_H
#define RUNSD_RPC_LOOP_ROUND_INTERNAL_H

#include <stddef.h>

#include "rpc/loop.h"

// What a polling loop calls around the tasks that other threads have posted.

struct rpc_round {
    // On the loop's thread. end comes after each begin, and once more at the removal.
    void (*begin)(struct rpc_round *round, size_t tasks);
    void (*end)(struct rpc_round *round);
    // On the loop's thread, after each event with what followed from it. NULL: nothing to do.
    void (*turned)(struct rpc_round *round);
};

// Sets the loop's round if it has none, or takes it away if it is this one. Returns when that
// is done. Thread safe.
void rpc_loop_add_round(struct rpc_loop *loop, struct rpc_round *round);
void rpc_loop_remove_round(struct rpc_loop *loop, struct rpc_round *round);

// Calls turned. On the loop's thread.
void rpc_loop_end_turn(struct rpc_loop *loop);

// Runs the tasks of a list, newest first, in the order they were posted, with the loop's
// round around them.
void rpc_loop_run_round(struct rpc_loop *loop, struct rpc_task *newest);

#endif
