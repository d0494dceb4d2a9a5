#ifndef RUNSD_RPC_SERVER_CORE_H
#define RUNSD_RPC_SERVER_CORE_H

#include <grpc/grpc.h>

#include "rpc/server.h"

// For in-process channels: the server as gRPC core knows it.
grpc_server *rpc_server_core(struct rpc_server *server);

#endif
