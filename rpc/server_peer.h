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

enum {
    RPC_MOST_CLIENT_NAMES = 16,        // of a call; a certificate's others are left out
    RPC_MOST_CLIENT_NAME_BYTES = 2048, // as a SPIFFE ID has at most; longer ones are left out
};

// The names that the client has proved: of the certificate that the connection's other end
// showed, if it was verified, or of the client that the call was forwarded for (RPC_CLIENT_NAME),
// where that is believed. Subject alternative names alone, as "uri:spiffe://example.org/billing"
// and "dns:billing.example.org" (in lower case); printable ASCII without spaces. A call over a
// network that says for whom it is made (RPC_FORWARDED_FOR, RPC_CLIENT_NAME) has none: its
// certificate is a gateway's or a proxy's, and those for whom it calls have not proved that. Writes
// them to ret_names, at most most and RPC_MOST_CLIENT_NAMES, and returns how many there are: 0 for
// a client without a certificate. They live as long as the call.
size_t rpc_server_call_client_names(struct rpc_server_call *call, struct slice *ret_names,
                                    size_t most);

// Whether text is such a name.
bool server_peer_is_client_name(struct slice text);

#endif
