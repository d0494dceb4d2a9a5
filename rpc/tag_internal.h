#ifndef RUNSD_RPC_TAG_INTERNAL_H
#define RUNSD_RPC_TAG_INTERNAL_H

#include <grpc/grpc.h>
#include <stdbool.h>

#include "rpc/loop.h"

// What completes: every tag given to gRPC core is the address of one of these.
struct rpc_tag {
    grpc_completion_queue_functor functor; // first: what a callback queue takes for a tag
    // Called once on the loop's thread when the operation is over. ok is false
    // where the operation did not take place (shutdown, cancellation): normal,
    // never an error by itself. Must not block.
    void (*done)(struct rpc_tag *tag, bool ok);
    struct rpc_loop *loop;
    struct rpc_task task; // that calls done after a completion
    bool ok;
};

// What a callback queue calls, on whatever thread the operation ended, also from within the call
// that started it: has done called. A tag whose functor_run is another function calls this last.
void rpc_tag_completed(grpc_completion_queue_functor *functor, int ok);

// Makes a tag for operations of the loop's queue. Once it is with gRPC core it must
// stay where it is until done was called.
void rpc_tag_init(struct rpc_tag *tag, struct rpc_loop *loop,
                  void (*done)(struct rpc_tag *tag, bool ok));

#endif
