#ifndef RUNSD_RPC_SERVER_CORE_H
#define RUNSD_RPC_SERVER_CORE_H

#include <grpc/grpc.h>

#include "rpc/server.h"

// For in-process channels: the server as gRPC core knows it.
grpc_server *rpc_server_core(struct rpc_server *server);

// Whether the server's handlers' errors are in the trailer grpc-status-details-bin
// alone, while the call's status is OK. So it is on a local loop, which only this
// layer's clients can call: to make a status that is not OK, gRPC core formats times
// and texts that nobody reads: a third of what a 404 over REST costs.
bool rpc_server_errors_in_trailers(const struct rpc_server *server);

#endif
