#ifndef RUNSD_RPC_METADATA_H
#define RUNSD_RPC_METADATA_H

#include "base/core/slice.h"

// The key by which a program that calls for others says for whom: the address of its client
// (base/net/peer_address.h).
#define RPC_FORWARDED_FOR "x-forwarded-for"

// The key by which it says which names its client's certificate has, a value for each
// (rpc/server_peer.h).
#define RPC_CLIENT_NAME "x-runsd-client-name"

// What a call carries besides its message, one pair. Pure.
struct rpc_metadata {
    const char *key; // lower case
    struct slice value;
};

// Is given one pair of metadata.
typedef void rpc_metadata_visitor(void *context, struct slice key, struct slice value);

#endif
