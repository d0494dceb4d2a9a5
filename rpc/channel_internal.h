#ifndef RUNSD_RPC_CHANNEL_INTERNAL_H
#define RUNSD_RPC_CHANNEL_INTERNAL_H

#include <grpc/grpc.h>
#include <pthread.h>

#include "rpc/channel.h"

// What a channel and a method are to the client.

struct rpc_client_method {
    struct rpc_client_method *next;
    struct rpc_channel *channel;
    void *registered; // gRPC's handle; NULL where there are too many
    char *path;       // gRPC keeps it
    // By which it is called directly, as a unary method or as a stream, whichever it is; NULL:
    // by gRPC core.
    const struct rpc_acceptor *direct;
    size_t uses; // handed out by rpc_channel_method and not released
};

struct rpc_channel {
    struct rpc_loop *loop;
    grpc_completion_queue *queue;
    grpc_channel *core;
    size_t max_reply_bytes;
    int core_limit;          // on the bytes of a reply, above ours; 0 in process
    bool errors_in_trailers; // as its server has it (rpc/server_core_internal.h)
    bool is_in_process;
    struct rpc_server *direct_server; // on the same local loop; NULL: there is none
    // Of credentials that change: core is made again when they have. NULL: it never is.
    struct rpc_channel_renewal *renewal;
    pthread_mutex_t mutex; // guards methods, and core where there is renewal
    struct rpc_client_method *methods;
    size_t method_count;
};

// Makes gRPC core's object of a call. Thread safe.
grpc_call *rpc_channel_new_call(const struct rpc_client_method *method, gpr_timespec deadline);

#endif
