#ifndef RUNSD_RPC_SERVER_LISTEN_INTERNAL_H
#define RUNSD_RPC_SERVER_LISTEN_INTERNAL_H

#include "rpc/server_core_internal.h"

// The argument of gRPC core's server by which it writes the handler of server->ports[port].
grpc_arg rpc_server_listen_argument(struct rpc_server *server, int port);

#endif
