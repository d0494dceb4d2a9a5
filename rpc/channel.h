#ifndef RUNSD_RPC_CHANNEL_H
#define RUNSD_RPC_CHANNEL_H

#include <stddef.h>

#include "base/net/address.h"
#include "rpc/credentials.h"
#include "rpc/loop.h"

// Connections to a gRPC server, and the methods that are called over them. This header
// names nothing of gRPC's.

struct rpc_channel;
struct rpc_server;

struct rpc_channel_options {
    const struct address *address;                     // borrowed for the call
    const struct rpc_channel_credentials *credentials; // as the listener's are; borrowed
    size_t max_reply_bytes;                            // 0: 4 MiB
    int longest_backoff_ms; // between two attempts to connect; 0: a second
};

// Makes a channel to an address. It connects when it is used and again whenever it
// has to, at most a second after the last attempt; until it is connected again,
// calls fail at once. Nothing is retried.
struct rpc_channel *rpc_channel_new(struct rpc_loop *loop,
                                    const struct rpc_channel_options *options);

// Makes a channel to a started server of this process, without a socket. The
// channel must be freed before the server is stopped. loop may be the server's:
// then a call needs no change of thread, which is what costs least; on a local loop it does
// without gRPC core besides, if it is unary. max_reply_bytes 0: 4 MiB.
struct rpc_channel *rpc_channel_new_in_process(struct rpc_loop *loop, struct rpc_server *server,
                                               size_t max_reply_bytes);

// Frees the channel. Every call must have been released. NULL is ignored.
void rpc_channel_free(struct rpc_channel *channel);

// A method that will be called often, prepared once.
struct rpc_client_method;

// Prepares "/package.Service/Method" for the channel; freed with it, or, where there are
// thousands, by a release. The same path gives the same object. Thread safe.
struct rpc_client_method *rpc_channel_method(struct rpc_channel *channel, const char *path);

// Says that what one rpc_channel_method gave is not used any more. Not needed before
// rpc_channel_free; it is what keeps those of descriptors that come and go from piling up.
// Thread safe.
void rpc_channel_method_release(struct rpc_client_method *method);

// How many methods the channel keeps. Thread safe.
size_t rpc_channel_method_count(struct rpc_channel *channel);

#endif
