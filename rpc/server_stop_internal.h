#ifndef RUNSD_RPC_SERVER_STOP_INTERNAL_H
#define RUNSD_RPC_SERVER_STOP_INTERNAL_H

#include "rpc/server_core_internal.h"

// Prepares the tasks.
void rpc_server_stop_init(struct rpc_server *server);

// Shuts gRPC core's server down, and waits until that is done and each call object has come
// back. What is still open is cancelled. Until until_us what comes in between may end by
// itself (clock_monotonic_us). Not on the loop's thread.
void rpc_server_stop_core(struct rpc_server *server, int64_t until_us);

#endif
