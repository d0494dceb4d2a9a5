#ifndef RUNSD_RPC_SERVER_STREAM_INTERNAL_H
#define RUNSD_RPC_SERVER_STREAM_INTERNAL_H

#include "rpc/server_core_internal.h"

// Calls stopping of each open stream. On the loop's thread.
void rpc_server_stream_stop_all(struct rpc_server *server);

// Ends the streams of direct calls, of which gRPC core knows nothing: their clients get the
// stopping error, and cancelled is called. On the loop's thread.
void rpc_server_stream_part_direct(struct rpc_server *server);

#endif
