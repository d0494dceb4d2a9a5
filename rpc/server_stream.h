#ifndef RUNSD_RPC_SERVER_STREAM_H
#define RUNSD_RPC_SERVER_STREAM_H

#include "rpc/server_call.h"

// Streams of a gRPC server: methods of kind RPC_SERVER_STREAM and RPC_BIDI_STREAM.
//
// A stream begins as a call: the method's handler looks at it as at a unary one
// (rpc/server_call.h) and either refuses it with rpc_server_call_fail, or makes a stream
// of it with rpc_server_stream_begin, before it returns. From then on
// rpc_server_call_reply and rpc_server_call_fail must not be called for it; the call's
// other functions still work.

// The handler fills the first part and owns the whole, which must live until closed:
// the call's arena is the place. Events are called on the loop's thread, must not
// block, and may call the functions below. None but closed comes once
// rpc_server_stream_finish was called, except that one may cross a finish on another thread.
struct rpc_server_stream {
    struct rpc_server_call *call;

    // What rpc_server_stream_read asked for; bidi only. message is NULL at the end
    // of what the client sends, or when it has gone. error, with which the stream is
    // best finished, is INVALID_ARGUMENT, MESSAGE_MALFORMED (not decompressible) or
    // RESOURCE_EXHAUSTED (above max_request_bytes when decompressed); else NULL.
    // The bytes are valid until the next rpc_server_stream_read or closed.
    void (*message)(struct rpc_server_stream *stream, const struct slice *message,
                    const struct error *error);

    // What rpc_server_stream_write was given has gone out as far as the client's flow
    // control lets it; the next may be written. ok is false if the client has gone.
    void (*written)(struct rpc_server_stream *stream, bool ok);

    // The client cancelled or has gone, its deadline passed, or rpc_server_stop's
    // drain time is over. At most once. The stream must be finished all the same.
    void (*cancelled)(struct rpc_server_stream *stream);

    // rpc_server_stop was called: it waits until the stream is finished, or cancels
    // it when its drain time is over. At most once.
    void (*stopping)(struct rpc_server_stream *stream);

    // After a rpc_server_stream_wake or rpc_server_stream_release, once for any number of
    // them. NULL if neither is called.
    void (*woken)(struct rpc_server_stream *stream);

    // The end, once, last: nothing of the stream is in use any more, and the call
    // with its arena goes when this returns. May be NULL.
    void (*closed)(struct rpc_server_stream *stream);

    struct rpc_server_stream_state *state; // rpc's own
};

// Begins. In the handler, on the loop's thread.
void rpc_server_stream_begin(struct rpc_server_stream *stream);

// Sends the initial metadata, unless a message or the end has: so a client learns that the
// stream was taken, however long its first message takes. On the loop's thread, in the handler
// or an event. Not needed where a message is written or the stream is finished at once: then
// the metadata goes with it, and a stream that ends with an error and no message is a status
// alone.
void rpc_server_stream_send_head(struct rpc_server_stream *stream);

// Asks for one message of the client; bidi only. One may be outstanding. From any thread;
// on another one than the loop's, the caller sees to it that no finish crosses it.
void rpc_server_stream_read(struct rpc_server_stream *stream);

// Writes one message: the parts, joined; they are copied. One may be outstanding (until
// written): this is the back-pressure. Threads as rpc_server_stream_read.
void rpc_server_stream_write(struct rpc_server_stream *stream, const struct slice *parts,
                             size_t count);

// Ends the stream after the outstanding write: OK if error is NULL, else as
// rpc_server_call_fail does. The first finish counts; another one that crosses it on another
// thread, or comes from an event that does, is ignored. From any thread. Afterwards only
// closed and rpc_server_stream_release may use the stream.
void rpc_server_stream_finish(struct rpc_server_stream *stream, const struct error *error);

// Keeps closed from being called, and so the call with its arena, until
// rpc_server_stream_release was called as often: for work on another thread. Hold on the
// loop's thread before closed, or while the stream is held; release from any thread.
void rpc_server_stream_hold(struct rpc_server_stream *stream);
void rpc_server_stream_release(struct rpc_server_stream *stream);

// Has woken called, soon. From any thread that holds the stream, or sees to it that nobody
// finishes the stream meanwhile.
void rpc_server_stream_wake(struct rpc_server_stream *stream);

// The error for a stream that is finished because the server stops: UNAVAILABLE,
// SERVER_STOPPING, with RetryInfo. Lives until closed. On the loop's thread.
const struct error *rpc_server_stream_stopping_error(struct rpc_server_stream *stream);

#endif
