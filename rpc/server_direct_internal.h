#ifndef RUNSD_RPC_SERVER_DIRECT_INTERNAL_H
#define RUNSD_RPC_SERVER_DIRECT_INTERNAL_H

#include "rpc/direct_internal.h"
#include "rpc/server_core_internal.h"

// The server's side of calls that do not come by gRPC core (rpc/direct_internal.h). They are
// served, counted, refused and stopped as all others. On the loop's thread.

// Whether a client on the loop may call directly.
bool rpc_server_direct_serves(const struct rpc_server *server, const struct rpc_loop *loop);

// The acceptor of a method that is unary or streams its replies, by which it is called directly;
// NULL if there is none.
const struct rpc_acceptor *rpc_server_direct_find(const struct rpc_server *server,
                                                  const char *path);

// Makes a call object of what the client asks.
void rpc_server_direct_fill(struct rpc_server_call *call, struct rpc_direct *direct);

// Gives the client the call's reply, if details is empty, or its error. A client that has
// left, or has been answered, gets nothing.
void rpc_server_direct_answer(struct rpc_server_call *call, struct slice details);

// The client goes without an answer. If the call has been answered, nothing happens; a stream
// learns of it by rpc_direct_events.
void rpc_server_direct_leave(struct rpc_direct *direct);

// --- a stream's ---

// Gives the client what a stream sends: initial metadata, or a message, which is taken over.
// Returns false, and releases the message, if the client has left.
bool rpc_server_direct_send_head(struct rpc_server_call *call);
bool rpc_server_direct_send_message(struct rpc_server_call *call, struct rpc_message *message);

// The client has taken the message. If it has left, or the call has been answered, nothing
// happens.
void rpc_server_direct_taken(struct rpc_direct *direct);

// Has a client that has not left do so, because the server stops: it is answered for the stream,
// as details say.
void rpc_server_direct_part(struct rpc_server_call *call, struct slice details);

#endif
