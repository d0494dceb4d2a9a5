#ifndef RUNSD_RPC_CLIENT_STREAM_H
#define RUNSD_RPC_CLIENT_STREAM_H

#include "rpc/client.h"

// A call with one request and a stream of replies (server streaming).
//
// Nothing is read but what rpc_client_stream_next asks for: not to call it is the
// back-pressure, which reaches the server through the transport's flow control. So
// neither is an end noticed meanwhile, be it an error or the deadline.

// The caller fills the first part, owns the whole and leaves it alone from
// rpc_client_stream_start until done is called.
struct rpc_client_stream {
    // One that streams. In process not a unary one: gRPC core's in-process transport
    // aborts on a whole reply of which only a part is asked for.
    struct rpc_client_method *method;
    struct slice request;
    const struct rpc_metadata *metadata;
    int metadata_count;
    int64_t deadline_us; // clock_monotonic_us, of the whole stream; 0: none
    bool is_read;        // as rpc_client_call has it
    struct arena *arena; // used by rpc_client_stream_start alone; kept until the release
    // Over a channel to several servers (rpc/balancer.h): the number of the one that is to get the
    // call if it can, 0: any; from done on, of the one that got it. NULL: nobody wants to know.
    uint64_t *server;

    // The server has sent its initial metadata, and neither a message nor the end came with
    // it. At most once, before any message, on the loop's thread; must not block; may call
    // rpc_client_stream_cancel. Only once rpc_client_stream_next was called, and not after a
    // cancel that came before it. Without it, the server sends its metadata late, or nothing
    // but a status. NULL: nobody wants to know.
    void (*head)(struct rpc_client_stream *stream);

    // A message that rpc_client_stream_next asked for. On the loop's thread; must not
    // block; may call rpc_client_stream_next and rpc_client_stream_cancel. The bytes
    // are valid until rpc_client_stream_next or the release. Never after done, nor
    // after a cancel that came before it.
    void (*message)(struct rpc_client_stream *stream, struct slice message);

    // The end: on the loop's thread, exactly once, last, never from within a call of
    // these functions, also if the stream could not be started; afterwards
    // rpc_client_stream_release must be called once (from within done, too). Must not
    // block. The end is found by reading, whatever it is: done comes for a
    // rpc_client_stream_next when there is no message more, so that every message
    // that arrived before is handed out first; or soon after a cancel.
    void (*done)(struct rpc_client_stream *stream);

    // Results, from done until rpc_client_stream_release. error is NULL if the stream
    // ended OK; else as rpc_client_call has it. A message above the channel's
    // max_reply_bytes ends the stream with RESOURCE_EXHAUSTED.
    const struct error *error;
    struct slice status_details; // as rpc_client_call has it

    struct rpc_client_stream_state *state; // rpc's own: of a stream by gRPC core,
    struct client_direct_stream *direct;   // or of one within a local loop; else NULL
};

// Starts the call; reads nothing. Thread safe.
void rpc_client_stream_start(struct rpc_client_stream *stream);

// Asks for one message, also the first: message or done is called for it. Thread
// safe; one may be outstanding. Once a cancel has ended the stream it does nothing.
void rpc_client_stream_next(struct rpc_client_stream *stream);

// Asks for an early end: done is called soon, with CANCELLED or with what the stream
// ended with before. Thread safe; any number of times between start and
// rpc_client_stream_release.
void rpc_client_stream_cancel(struct rpc_client_stream *stream);

// As rpc_client_call_is_unsent.
bool rpc_client_stream_is_unsent(const struct rpc_client_stream *stream);

// As rpc_client_call_metadata and rpc_client_call_each_metadata. Initial metadata
// from head or the first message on, trailing metadata from done on.
bool rpc_client_stream_metadata(const struct rpc_client_stream *stream, const char *key,
                                struct slice *ret_value);
void rpc_client_stream_each_metadata(const struct rpc_client_stream *stream,
                                     rpc_metadata_visitor *each, void *context);

// Releases what the results and the last message hold.
void rpc_client_stream_release(struct rpc_client_stream *stream);

#endif
