#ifndef RUNSD_RPC_SERVER_LONG_POLL_INTERNAL_H
#define RUNSD_RPC_SERVER_LONG_POLL_INTERNAL_H

#include "rpc/server_core_internal.h"
#include "rpc/server_long_poll.h"

// What the server's other files do with a call that is a long poll (call->long_poll is not NULL).
// On the loop's thread.

// Its answer is about to be sent: it is a call in flight again.
void rpc_server_long_poll_answered(struct rpc_server_call *call);

// It has its answer, or was given up: nobody is told any more that the caller is gone.
void rpc_server_long_poll_forget(struct rpc_server_call *call);

// The client of a direct call has left.
void rpc_server_long_poll_left(struct rpc_server_call *call);

// Frees what makes the call a long poll, as it ends. Returns false, and does nothing, if gRPC core
// has not said yet that the call is over: over is called when it has.
bool rpc_server_long_poll_end(struct rpc_server_call *call,
                              void (*over)(struct rpc_server_call *call));

#endif
