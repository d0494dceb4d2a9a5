#ifndef RUNSD_RPC_DIRECT_INTERNAL_H
#define RUNSD_RPC_DIRECT_INTERNAL_H

#include <stdint.h>

#include "base/core/slice.h"
#include "rpc/message_internal.h"
#include "rpc/metadata.h"

// A call whose client and server share a local loop: a unary one, or a stream of replies. It is
// handed over as it is, without gRPC core, which takes a third of the CPU of a request over REST
// for it. Everything here is on the loop's thread.
struct rpc_direct {
    // What the client asks. The server copies it.
    struct slice request;
    const struct rpc_metadata *metadata;
    int metadata_count;
    int64_t deadline_us; // clock_monotonic_us; 0: none

    // Of a stream: the server has sent its initial metadata, or a message, which is taken over.
    // The next message comes only once rpc_server_direct_taken was called for this one. May be
    // called from within a function of the server's.
    void (*head)(struct rpc_direct *direct);
    void (*message)(struct rpc_direct *direct, struct rpc_message *message);

    // Called once, unless rpc_server_direct_leave was called: with the reply, which is taken
    // over, or with the error as grpc-status-details-bin has it, which lives until this returns.
    // The one that it is not is empty; at the end of a stream the reply always is. For a unary
    // call it is called as a task of its own, for a stream as message is.
    void (*answered)(struct rpc_direct *direct, struct rpc_message *reply, struct slice details);

    // The initial metadata, of an error too; set before head, message or answered is called, until
    // that returns.
    const struct rpc_metadata *head_metadata;
    int head_metadata_count;

    // Of a unary call: what the reply has beside it; set before answered is called, until that
    // returns.
    const struct rpc_metadata *reply_metadata;
    int reply_metadata_count;

    struct rpc_server_call *call; // the server's; NULL: it was answered
};

#endif
