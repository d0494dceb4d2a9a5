#ifndef RUNSD_RPC_SERVER_DIRECT_INTERNAL_H
#define RUNSD_RPC_SERVER_DIRECT_INTERNAL_H

#include "rpc/direct_internal.h"
#include "rpc/server_core_internal.h"

// The server's side of calls that do not come by gRPC core (rpc/direct_internal.h). They are
// served, counted, refused and stopped as all others. On the loop's thread.

// Whether a client on the loop may call directly.
bool rpc_server_direct_serves(const struct rpc_server *server, const struct rpc_loop *loop);

// The acceptor of a unary method, by which it is called directly; NULL if there is none.
const struct rpc_acceptor *rpc_server_direct_find(const struct rpc_server *server,
                                                  const char *path);

// Makes a call object of what the client asks.
void rpc_server_direct_fill(struct rpc_server_call *call, struct rpc_direct *direct);

// Gives the client the call's reply, if details is empty, or its error. A client that has
// left, or has been answered, gets nothing.
void rpc_server_direct_answer(struct rpc_server_call *call, struct slice details);

// The client goes without an answer. If the call has been answered, nothing happens.
void rpc_server_direct_leave(struct rpc_direct *direct);

#endif
