#ifndef RUNSD_RPC_SERVER_CALL_INTERNAL_H
#define RUNSD_RPC_SERVER_CALL_INTERNAL_H

#include "rpc/server_call.h"
#include "rpc/server_core_internal.h"

// What the server's other files do with a call.

// The call goes to its handler, which is a unary one's: from now on a stop may answer it.
// On the loop's thread.
void rpc_server_call_at_handler(struct rpc_server_call *call);

// The answer was sent, or cannot be any more: the call object is reused. On the loop's
// thread.
void rpc_server_call_ended(struct rpc_server_call *call);

// Takes a message of the client, which is buffer (taken over). Errors, made in a:
// INVALID_ARGUMENT, RESOURCE_EXHAUSTED.
const struct error *rpc_server_call_take_message(const struct rpc_server_call *call,
                                                 struct arena *a, grpc_byte_buffer *buffer,
                                                 struct rpc_message *ret);

// An error as grpc-status-details-bin has it, in a; with the server's domain if it has none.
struct slice rpc_server_call_details(const struct rpc_server *server, struct arena *a,
                                     const struct error *given);

// The initial metadata of any answer as gRPC core takes it; whose slices are the caller's. Returns
// how many there are.
size_t rpc_server_call_copy_head(const struct rpc_server_call *call,
                                 grpc_metadata ret[RPC_MOST_HEAD_METADATA]);

// Puts that metadata, made in a, before what the error in call->answer has as trailing metadata.
void rpc_server_call_add_head_to_error(struct rpc_server_call *call, struct arena *a);

// Adds a status to a batch: OK if error is NULL, else error with its details, which are made
// in a. trailers lives as long as the batch.
void rpc_server_call_add_status(const struct rpc_server *server, struct rpc_batch *batch,
                                struct arena *a, grpc_metadata trailers[1],
                                const struct error *error);

#endif
