#ifndef RUNSD_RPC_STREAM_OPS_INTERNAL_H
#define RUNSD_RPC_STREAM_OPS_INTERNAL_H

#include "base/core/slice.h"
#include "rpc/tag_internal.h"

// The operations of one stream of a server, while it is open. What an operation is made of is
// needed only until it was started; so a stream that waits keeps a tag for each, and no
// struct rpc_batch, which is ten times as large.

struct rpc_stream_ops {
    struct rpc_tag close; // completes when the call is over, whatever the reason
    struct rpc_tag head;  // initial metadata without a message
    struct rpc_tag write;
    struct rpc_tag read;
    grpc_byte_buffer *written; // by write; NULL: nothing
    grpc_byte_buffer *message; // of read, when it has completed; NULL: none came
    int cancelled;             // by close: whether the call ended before its status was sent
};

// Each completion calls what is named like its tag, on the loop's thread.
struct rpc_stream_ops_events {
    void (*close)(struct rpc_tag *tag, bool ok);
    void (*head)(struct rpc_tag *tag, bool ok);
    void (*write)(struct rpc_tag *tag, bool ok);
    void (*read)(struct rpc_tag *tag, bool ok);
};

void rpc_stream_ops_init(struct rpc_stream_ops *ops, struct rpc_loop *loop,
                         const struct rpc_stream_ops_events *events);

// Initial metadata, which is needed until it is sent.
struct rpc_stream_ops_head {
    grpc_metadata *pairs; // NULL if there are none
    size_t count;
};

// Start an operation; one of each at a time. On the loop's thread.
void rpc_stream_ops_await_close(struct rpc_stream_ops *ops, grpc_call *call);
void rpc_stream_ops_send_head(struct rpc_stream_ops *ops, grpc_call *call,
                              const struct rpc_stream_ops_head *head);
void rpc_stream_ops_receive(struct rpc_stream_ops *ops, grpc_call *call);

// Makes what rpc_stream_ops_send sends; the bytes are copied.
void rpc_stream_ops_set_message(struct rpc_stream_ops *ops, const struct slice *parts,
                                size_t count);

// Sends the message, behind the initial metadata; head is NULL if they were sent.
void rpc_stream_ops_send(struct rpc_stream_ops *ops, grpc_call *call,
                         const struct rpc_stream_ops_head *head);

// Releases the message that was sent; not before write has completed. Does nothing if there is
// none.
void rpc_stream_ops_clear_message(struct rpc_stream_ops *ops);

// Releases everything. No operation may be outstanding.
void rpc_stream_ops_release(struct rpc_stream_ops *ops);

#endif
