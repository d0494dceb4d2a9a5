#ifndef RUNSD_RPC_CREDENTIALS_INTERNAL_H
#define RUNSD_RPC_CREDENTIALS_INTERNAL_H

#include <grpc/grpc_security.h>
#include <stdint.h>

#include "rpc/credentials.h"

// Each kind of credentials makes gRPC core's own object of what it holds. core is called once
// for a listener's credentials or a channel, and again where number has changed; its result is
// released by the caller, and gRPC core keeps a reference as long as it needs one. A kind that
// holds something puts this struct first in its own.

struct rpc_server_credentials {
    grpc_server_credentials *(*core)(const struct rpc_server_credentials *self);
};

struct rpc_channel_credentials {
    grpc_channel_credentials *(*core)(const struct rpc_channel_credentials *self);
    // Of what core would make an object now: grows with each change. NULL: it never changes.
    uint64_t (*number)(const struct rpc_channel_credentials *self);
    const char *server_name; // by which the server's certificate is checked; NULL: the address'
};

#endif
