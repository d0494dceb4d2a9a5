#ifndef RUNSD_RPC_LOOP_INTERNAL_H
#define RUNSD_RPC_LOOP_INTERNAL_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "rpc/loop.h"
#include "rpc/timeouts_internal.h"

// What the two kinds of loop share: the lists of tasks.

struct rpc_loop {
    grpc_completion_queue *queue;
    pthread_t thread;
    _Atomic(struct rpc_task *) posted; // by other threads, newest first; or what idle says
    struct rpc_task *own;              // posted by the loop's thread, newest first
    struct rpc_timeouts timeouts;      // a local loop's
    struct rpc_task sweep_task;        // of them
    struct rpc_round *round;           // of loop_round; NULL: none
    // What posted is while the thread must be woken for a task.
    struct rpc_task *idle;
    // By another thread, after it put the first task where idle was. Nothing takes
    // that task before it was woken: so the loop cannot be gone meanwhile.
    void (*wake)(struct rpc_loop *loop);
    // Waits until the thread has ended, and releases everything.
    void (*free)(struct rpc_loop *loop);
};

// Initializes gRPC and the members above but for queue, thread, wake and free.
void rpc_loop_init(struct rpc_loop *loop);

// Has one of the loop's timeouts expire soon, never from within. It may end meanwhile, as
// rpc_timeouts_cancel says. Thread safe.
void rpc_loop_cancel_timeout(struct rpc_loop *loop, struct rpc_timeout *timeout);

// Runs the tasks of a list, newest first, in the order they were posted.
void rpc_loop_run_tasks(struct rpc_task *newest);

// Runs what the loop's thread has posted; returns whether there was anything.
bool rpc_loop_run_own(struct rpc_loop *loop);

#endif
