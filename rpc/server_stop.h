#ifndef RUNSD_RPC_SERVER_STOP_H
#define RUNSD_RPC_SERVER_STOP_H

#include <stdbool.h>
#include <stdint.h>

// The end of serving.

struct rpc_server;

// Begins to stop: from now on new calls are refused, and each stream's stopping is called.
// rpc_server_stop comes next. From any thread; on a server that was never started it does
// nothing.
void rpc_server_begin_stop(struct rpc_server *server);

// Stops: new calls are refused with SERVER_STOPPING, each stream's stopping is called, calls
// in flight may finish until drain_ms have passed. Unary calls that are left then are
// answered for their handlers: UNAVAILABLE, and SERVER_STOPPING if the method is a read,
// else OUTCOME_UNKNOWN; what is still open is cancelled. It returns only when the last
// handler has answered, so no call is left. A call that comes while the connections are
// closed may end with gRPC core's own UNAVAILABLE or CANCELLED; no handler has seen it. The
// unix sockets' files are removed. Call it once, from any thread but the loop's; on a
// server that was never started it does nothing. Returns whether all calls ended
// by themselves.
bool rpc_server_stop(struct rpc_server *server, int64_t drain_ms);

#endif
