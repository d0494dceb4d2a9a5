#ifndef RUNSD_RPC_CREDENTIALS_INTERNAL_H
#define RUNSD_RPC_CREDENTIALS_INTERNAL_H

#include <grpc/grpc_security.h>

#include "rpc/credentials.h"

// Each kind of credentials makes gRPC core's own object of what it holds. core is called once
// for a listener's credentials or a channel; its result is released by the caller, and gRPC
// core keeps a reference as long as it needs one. A kind that holds something puts this struct
// first in its own.

struct rpc_server_credentials {
    grpc_server_credentials *(*core)(const struct rpc_server_credentials *self);
};

struct rpc_channel_credentials {
    grpc_channel_credentials *(*core)(const struct rpc_channel_credentials *self);
};

#endif
