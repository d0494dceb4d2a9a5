#ifndef RUNSD_RPC_BATCH_INTERNAL_H
#define RUNSD_RPC_BATCH_INTERNAL_H

#include <grpc/grpc.h>

#include "base/core/slice.h"
#include "rpc/tag_internal.h"

// The operations of one grpc_call_start_batch, with all memory that gRPC reads or
// writes until the batch has completed.

enum { RPC_BATCH_MAX_OPS = 6 };

struct rpc_batch {
    struct rpc_tag tag; // of the completion
    int op_count;
    grpc_op ops[RPC_BATCH_MAX_OPS];

    // What is sent. The arrays are from elsewhere, the slices owned.
    struct rpc_batch_metadata {
        grpc_metadata *pairs;
        size_t count;
    } sent_metadata, sent_trailers;
    grpc_byte_buffer *sent_message;
    grpc_slice sent_status_message;

    // What is received; kept for the next use where gRPC allows it.
    grpc_metadata_array initial_metadata;
    grpc_metadata_array trailing_metadata;
    grpc_byte_buffer *message;
    grpc_status_code status;
    grpc_slice status_message;
    const char *core_error; // what gRPC core says of a status, for debugging; or NULL
    int cancelled;
};

// Makes an empty batch for calls of the loop's queue, whose completion calls done.
void rpc_batch_init(struct rpc_batch *b, struct rpc_loop *loop,
                    void (*done)(struct rpc_tag *tag, bool ok));

// Lets go of what the pairs hold.
void rpc_batch_unref_metadata(grpc_metadata *pairs, size_t count);

// Adds operations. Bytes are copied; metadata is an array that lives until
// rpc_batch_clear and whose slices the batch takes over.
void rpc_batch_send_metadata(struct rpc_batch *b, grpc_metadata *metadata, size_t count);
void rpc_batch_send_message(struct rpc_batch *b, const struct slice *parts, size_t count);
void rpc_batch_send_close(struct rpc_batch *b);
void rpc_batch_send_status(struct rpc_batch *b, grpc_status_code code, struct slice message,
                           grpc_metadata *trailers, size_t count);

// Puts count pairs before the trailing metadata of the status that was added. pairs has room for
// all of it, and takes its place.
void rpc_batch_add_trailers(struct rpc_batch *b, grpc_metadata *pairs, size_t count);

void rpc_batch_receive_metadata(struct rpc_batch *b);
void rpc_batch_receive_message(struct rpc_batch *b);
void rpc_batch_receive_status(struct rpc_batch *b);
void rpc_batch_receive_close(struct rpc_batch *b);

// The message that the parts make when they are joined, which the caller owns.
grpc_byte_buffer *rpc_batch_joined(const struct slice *parts, size_t count);

// Starts the batch. Unless GRPC_CALL_OK is returned, done will not be called.
grpc_call_error rpc_batch_start(struct rpc_batch *b, grpc_call *call);

// Releases what the operations hold; new ones may be added then. Not while the
// batch runs.
void rpc_batch_clear(struct rpc_batch *b);

// rpc_batch_clear, and the end of the batch.
void rpc_batch_destroy(struct rpc_batch *b);

#endif
