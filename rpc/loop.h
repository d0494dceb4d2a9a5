#ifndef RUNSD_RPC_LOOP_H
#define RUNSD_RPC_LOOP_H

#include <stdbool.h>

// One gRPC completion queue and the one thread that drains it. One queue with
// one thread is what measured fastest (docs/ARCHITECTURE.md).

// What completes: every tag given to gRPC core is the address of one of these.
struct rpc_tag {
    // Called once on the loop's thread when the operation is over. ok is false
    // where the operation did not take place (shutdown, cancellation): normal,
    // never an error by itself. Must not block.
    void (*done)(struct rpc_tag *tag, bool ok);
};

// Something to do on the loop's thread.
struct rpc_task {
    struct rpc_task *next; // the loop's own
    // Called once on the loop's thread. Must not block. The loop does not touch
    // the task once run was called.
    void (*run)(struct rpc_task *task);
};

struct rpc_loop;

// Initializes gRPC and starts the thread; name is what `top -H` shows (the first
// 15 bytes).
struct rpc_loop *rpc_loop_new(const char *name);

// The queue, a grpc_completion_queue (void here so that users of the loop need
// no gRPC header).
void *rpc_loop_queue(struct rpc_loop *loop);

// Whether the calling thread is the loop's.
bool rpc_loop_is_current(const struct rpc_loop *loop);

// Has the task run on the loop's thread, soon; the tasks of one thread in the
// order they were posted. The task is the loop's until it is run. The thread is
// woken only if no other task waits. Thread safe.
void rpc_loop_post(struct rpc_loop *loop, struct rpc_task *task);

// Shuts the queue down, waits until every tag has completed, every task has run
// and the thread has ended. Everything that uses the loop must have been freed
// before. NULL is ignored.
void rpc_loop_free(struct rpc_loop *loop);

#endif
