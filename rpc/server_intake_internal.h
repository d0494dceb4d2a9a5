#ifndef RUNSD_RPC_SERVER_INTAKE_INTERNAL_H
#define RUNSD_RPC_SERVER_INTAKE_INTERNAL_H

#include "rpc/direct_internal.h"
#include "rpc/server_core_internal.h"

// Takes calls from gRPC core, and serves them or refuses them.

// Prepares the tasks, before gRPC core's server is started.
void rpc_server_intake_init(struct rpc_server *server);

// Takes calls from now on; RPC_SERVER_STARTED is reached when it does.
void rpc_server_intake_start(struct rpc_server *server);

// Takes a call that does not come by gRPC core, of an acceptor of rpc_server_direct_find, and
// serves or refuses it. On the loop's thread.
void rpc_server_intake_take_direct(struct rpc_server *server, const struct rpc_acceptor *acceptor,
                                   struct rpc_direct *direct);

// Serves or refuses those that wait for room, as far as that is known now: all of them once
// the server is stopping. On the loop's thread.
void rpc_server_intake_serve_waiting(struct rpc_server *server);

#endif
