#ifndef RUNSD_RPC_CLIENT_DIRECT_STREAM_INTERNAL_H
#define RUNSD_RPC_CLIENT_DIRECT_STREAM_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "rpc/channel_internal.h"
#include "rpc/direct_internal.h"
#include "rpc/loop.h"
#include "rpc/timeouts_internal.h"

// The client's side of a stream that does not go by gRPC core (rpc/direct_internal.h). One message
// is under way at most: the server's write is over once the client has taken it.

struct client_direct_stream {
    // The caller's, as in struct rpc_client_stream, whose request, metadata and deadline are
    // those of direct. The rest is zero.
    struct rpc_direct direct;
    struct rpc_client_method *method; // with an acceptor
    bool is_read;
    void *context;
    void (*head)(struct client_direct_stream *d);
    void (*message)(struct client_direct_stream *d, struct slice message);
    void (*done)(struct client_direct_stream *d);

    // Results, as there.
    const struct error *error;
    struct slice status_details;
    struct rpc_metadata *metadata; // initial, in errors
    int metadata_count;

    struct rpc_task turn;
    atomic_uint rounds;
    atomic_bool is_cancelled;

    // Of the loop's thread.
    struct rpc_timeout timeout;
    struct rpc_message handed_out; // the last message
    struct rpc_message news;       // which the server sent, and which was not handed out yet
    bool has_news;                 // there is such a one, which may be empty
    bool is_started;
    bool is_begun;       // the server has it
    bool has_head;       // the server has sent its initial metadata
    bool told_head;      // or need not tell it any more
    bool is_over;        // with error
    struct arena errors; // not the caller's arena: it may be in use when an error comes
};

// Whether a stream of the method is called so.
bool client_direct_stream_serves(const struct rpc_client_method *method);

// As the functions of the same names in rpc/client_stream.h.
void client_direct_stream_start(struct client_direct_stream *d);
void client_direct_stream_next(struct client_direct_stream *d);
void client_direct_stream_cancel(struct client_direct_stream *d);
void client_direct_stream_release(struct client_direct_stream *d);

#endif
