#ifndef RUNSD_RPC_SERVER_ROOM_INTERNAL_H
#define RUNSD_RPC_SERVER_ROOM_INTERNAL_H

#include "rpc/server_core_internal.h"

// How many bytes the calls of a server hold together: their requests, what is made of
// them, and their replies until the client has taken them. Only calls that are no reads may
// have some of its last quarter. All on the loop's thread.
//
// A call takes at its begin what it may come to; when its reply is made, that replaces
// the guess. A call that finds no room waits while replies are being made, which ends by
// itself, and is to be refused when all that is held are replies that their clients do not read.

// Takes the room that the call may need. Without room the call waits, and false is
// returned: rpc_server_room_next hands it out.
bool rpc_server_room_take(struct rpc_server_call *call);

// What can be done with a call that waited.
enum rpc_server_room_verdict { RPC_ROOM_SERVE, RPC_ROOM_REFUSE };

// Hands out the next call of which it is known whether it can have room, and takes the room
// if so; NULL if there is none. Once the server is stopping, all calls are to be refused.
struct rpc_server_call *rpc_server_room_next(struct rpc_server *server,
                                             enum rpc_server_room_verdict *ret_verdict);

// The call's reply, of call->reply_bytes, is about to be sent. This and
// rpc_server_room_give_back post the server's room_task if a call waits.
void rpc_server_room_reply_made(struct rpc_server_call *call);

// A call that gave back its room has a reply after all.
void rpc_server_room_take_back(struct rpc_server_call *call);

// The call is over, or counts no more.
void rpc_server_room_give_back(struct rpc_server_call *call);

#endif
