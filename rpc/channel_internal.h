#ifndef RUNSD_RPC_CHANNEL_INTERNAL_H
#define RUNSD_RPC_CHANNEL_INTERNAL_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdint.h>

#include "rpc/channel.h"

struct balancer;
struct balancer_server;
struct balanced_method;

// What a channel and a method are to the client.

// How an attempt of a call ended, at one of several servers.
enum attempt_end {
    ATTEMPT_OVER,           // the call is over, or may have been begun
    ATTEMPT_UNSENT,         // surely not begun
    ATTEMPT_STOPPING,       // likewise: the server is stopping
    ATTEMPT_UNKNOWN_METHOD, // likewise: it has no such method
    ATTEMPT_ENDS,
};

// A call over a channel to several servers. On the loop's thread.
struct balanced_call {
    struct balanced_call *next;     // of those that wait
    struct balancer_server *server; // that it is with; NULL: none
    struct rpc_client_method *method;
    bool is_stream;
    uint64_t tried;     // places of the servers that did not begin it
    int64_t refused_us; // when the first did not; 0: none yet
    uint64_t *wanted;   // the server that gets it if it can, then the one that does; NULL: any
    // Begins it again, at a server that is chosen then.
    void (*again)(struct balanced_call *call);
    void *context;
};

// What chooses among several servers (rpc/balancer.h).
struct rpc_balancing {
    // The method at the server that the call goes to now; NULL: there is none.
    struct rpc_client_method *(*choose)(struct balanced_call *call);
    // The attempt has ended. Returns whether the call goes on, now or later: by again.
    bool (*end)(struct balanced_call *call, enum attempt_end end);
    // What a method has at the servers; freed by free(3). From any thread.
    struct balanced_method *(*new_method)(void);
    // Of a method that nobody uses any more. From any thread.
    void (*release_method)(struct rpc_client_method *method);
    // Waits until nothing is under way. Not on the loop's thread.
    void (*free)(struct balancer *balancer);
};

struct rpc_client_method {
    struct rpc_client_method *next;
    struct rpc_channel *channel;
    void *registered; // gRPC's handle; NULL where there are too many
    char *path;       // gRPC keeps it
    // By which it is called directly, as a unary method or as a stream, whichever it is; NULL:
    // by gRPC core.
    const struct rpc_acceptor *direct;
    struct balanced_method *balanced; // of a balanced channel; else NULL
    size_t uses;                      // handed out by rpc_channel_method and not released
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
    // To several servers: core is NULL. Else these are.
    const struct rpc_balancing *balancing;
    struct balancer *balancer;
    // Of credentials that change: core is made again when they have. NULL: it never is.
    struct rpc_channel_renewal *renewal;
    pthread_mutex_t mutex; // guards methods, and core where there is renewal
    struct rpc_client_method *methods;
    size_t method_count;
};

// Makes a channel that has no core of its own.
struct rpc_channel *rpc_channel_new_of(struct rpc_loop *loop, size_t max_reply_bytes,
                                       const struct rpc_balancing *balancing,
                                       struct balancer *balancer);

// Makes gRPC core's object of a call. Thread safe.
grpc_call *rpc_channel_new_call(const struct rpc_client_method *method, gpr_timespec deadline);

#endif
