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

struct rpc_loop;

// Initializes gRPC and starts the thread; name is what `top -H` shows.
struct rpc_loop *rpc_loop_new(const char *name);

// The queue, a grpc_completion_queue (void here so that users of the loop need
// no gRPC header).
void *rpc_loop_queue(struct rpc_loop *loop);

// Shuts the queue down, waits until every tag has completed and the thread has
// ended. Everything that uses the loop must have been freed before. NULL is
// ignored.
void rpc_loop_free(struct rpc_loop *loop);

#endif
