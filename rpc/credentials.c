#include "rpc/credentials.h"

#include "rpc/credentials_internal.h"

static grpc_server_credentials *insecure_server_core(const struct rpc_server_credentials *self) {
    (void)self; // it holds nothing
    return grpc_insecure_server_credentials_create();
}

static grpc_channel_credentials *insecure_channel_core(const struct rpc_channel_credentials *self) {
    (void)self;
    return grpc_insecure_credentials_create();
}

const struct rpc_server_credentials *rpc_credentials_insecure_server(void) {
    static const struct rpc_server_credentials insecure = {insecure_server_core};
    return &insecure;
}

const struct rpc_channel_credentials *rpc_credentials_insecure_channel(void) {
    static const struct rpc_channel_credentials insecure = {.core = insecure_channel_core};
    return &insecure;
}
