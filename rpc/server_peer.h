#ifndef RUNSD_RPC_SERVER_PEER_H
#define RUNSD_RPC_SERVER_PEER_H

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "rpc/server_call.h"

// For whom a call is made.
//
// Who calls over a network is known by its connection, whatever the call says. Who calls
// within the process, or over a unix socket, whose file says who may, is believed: it may call
// for others, and names them in RPC_FORWARDED_FOR (rpc/metadata.h): the last of the list, since
// those before it are what others told it.

// The client's address as base/net/peer_address.h has it: that of the connection's other end,
// or the one that the call was forwarded for. Empty if it is not known. Lives as long as the
// call.
struct slice rpc_server_call_client_address(struct rpc_server_call *call);

// The same of what gRPC core says of the connection ("ipv4:192.0.2.1:1234") and of the first
// value of RPC_FORWARDED_FOR, or empty, which the result may borrow; in a.
struct slice server_peer_address(struct arena *a, const char *core_peer, struct slice forwarded);

#endif
