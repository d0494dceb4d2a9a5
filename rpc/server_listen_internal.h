#ifndef RUNSD_RPC_SERVER_LISTEN_INTERNAL_H
#define RUNSD_RPC_SERVER_LISTEN_INTERNAL_H

#include "rpc/server_core_internal.h"

// The argument of gRPC core's server by which it writes the handler of server->ports[port].
grpc_arg rpc_server_listen_argument(struct rpc_server *server, int port);

// Begins to accept, if the server listens anywhere.
void rpc_server_listen_start(struct rpc_server *server);

// The answers of a server that has stopped are no concern any more.
void rpc_server_listen_end(struct rpc_server *server);

#endif
