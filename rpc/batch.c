#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <grpc/status.h>
#include <grpc/support/alloc.h>
#include <stdint.h>

#include "base/core/check.h"
#include "base/core/error.h"
#include "rpc/batch_internal.h"
#include "rpc/slice_internal.h"
#include "rpc/thread_sanitizer_internal.h"

// Statuses go to gRPC core and come from it by their numbers.
#define SAME_NUMBER(name)                                                                          \
    _Static_assert((int)STATUS_##name == (int)GRPC_STATUS_##name,                                  \
                   "STATUS_" #name " has gRPC's number")
SAME_NUMBER(OK);
SAME_NUMBER(CANCELLED);
SAME_NUMBER(UNKNOWN);
SAME_NUMBER(INVALID_ARGUMENT);
SAME_NUMBER(DEADLINE_EXCEEDED);
SAME_NUMBER(NOT_FOUND);
SAME_NUMBER(ALREADY_EXISTS);
SAME_NUMBER(PERMISSION_DENIED);
SAME_NUMBER(RESOURCE_EXHAUSTED);
SAME_NUMBER(FAILED_PRECONDITION);
SAME_NUMBER(ABORTED);
SAME_NUMBER(OUT_OF_RANGE);
SAME_NUMBER(UNIMPLEMENTED);
SAME_NUMBER(INTERNAL);
SAME_NUMBER(UNAVAILABLE);
SAME_NUMBER(DATA_LOSS);
SAME_NUMBER(UNAUTHENTICATED);

void rpc_batch_init(struct rpc_batch *b, struct rpc_loop *loop,
                    void (*done)(struct rpc_tag *tag, bool ok)) {
    memset(b, 0, sizeof(*b));
    rpc_tag_init(&b->tag, loop, done);
    grpc_metadata_array_init(&b->initial_metadata);
    grpc_metadata_array_init(&b->trailing_metadata);
    b->sent_status_message = grpc_empty_slice();
    b->status_message = grpc_empty_slice();
}

static grpc_op *add(struct rpc_batch *b, grpc_op_type type) {
    CHECK(b->op_count < RPC_BATCH_MAX_OPS);
    grpc_op *op = &b->ops[b->op_count++];
    memset(op, 0, sizeof(*op));
    op->op = type;
    return op;
}

static void own(struct rpc_batch_metadata *owned, grpc_metadata *pairs, size_t count) {
    CHECK(owned->count == 0);
    *owned = (struct rpc_batch_metadata){pairs, count};
}

void rpc_batch_send_metadata(struct rpc_batch *b, grpc_metadata *metadata, size_t count) {
    grpc_op *op = add(b, GRPC_OP_SEND_INITIAL_METADATA);
    op->data.send_initial_metadata.count = count;
    op->data.send_initial_metadata.metadata = metadata;
    own(&b->sent_metadata, metadata, count);
}

grpc_byte_buffer *rpc_batch_joined(const struct slice *parts, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += parts[i].len;
    }
    grpc_slice bytes = grpc_slice_malloc(size);
    uint8_t *end = GRPC_SLICE_START_PTR(bytes);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            memcpy(end, parts[i].data, parts[i].len);
            end += parts[i].len;
        }
    }
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&bytes, 1);
    grpc_slice_unref(bytes);
    return buffer;
}

void rpc_batch_send_message(struct rpc_batch *b, const struct slice *parts, size_t count) {
    b->sent_message = rpc_batch_joined(parts, count);
    add(b, GRPC_OP_SEND_MESSAGE)->data.send_message.send_message = b->sent_message;
}

void rpc_batch_send_close(struct rpc_batch *b) {
    add(b, GRPC_OP_SEND_CLOSE_FROM_CLIENT);
}

void rpc_batch_send_status(struct rpc_batch *b, grpc_status_code code, struct slice message,
                           grpc_metadata *trailers, size_t count) {
    grpc_op *op = add(b, GRPC_OP_SEND_STATUS_FROM_SERVER);
    op->data.send_status_from_server.status = code;
    op->data.send_status_from_server.trailing_metadata_count = count;
    op->data.send_status_from_server.trailing_metadata = trailers;
    own(&b->sent_trailers, trailers, count);
    if (message.len > 0) {
        b->sent_status_message = rpc_slice_copy(message);
        op->data.send_status_from_server.status_details = &b->sent_status_message;
    }
}

void rpc_batch_add_trailers(struct rpc_batch *b, grpc_metadata *pairs, size_t count) {
    struct rpc_batch_metadata *sent = &b->sent_trailers;
    for (size_t i = 0; i < sent->count; i++) {
        pairs[count++] = sent->pairs[i];
    }
    *sent = (struct rpc_batch_metadata){pairs, count};
    for (size_t i = 0; i < (size_t)b->op_count; i++) {
        if (b->ops[i].op == GRPC_OP_SEND_STATUS_FROM_SERVER) {
            b->ops[i].data.send_status_from_server.trailing_metadata = pairs;
            b->ops[i].data.send_status_from_server.trailing_metadata_count = count;
        }
    }
}

void rpc_batch_receive_metadata(struct rpc_batch *b) {
    add(b, GRPC_OP_RECV_INITIAL_METADATA)->data.recv_initial_metadata.recv_initial_metadata =
        &b->initial_metadata;
}

void rpc_batch_receive_message(struct rpc_batch *b) {
    add(b, GRPC_OP_RECV_MESSAGE)->data.recv_message.recv_message = &b->message;
}

void rpc_batch_receive_status(struct rpc_batch *b) {
    grpc_op *op = add(b, GRPC_OP_RECV_STATUS_ON_CLIENT);
    op->data.recv_status_on_client.trailing_metadata = &b->trailing_metadata;
    op->data.recv_status_on_client.status = &b->status;
    op->data.recv_status_on_client.status_details = &b->status_message;
    op->data.recv_status_on_client.error_string = &b->core_error;
}

void rpc_batch_receive_close(struct rpc_batch *b) {
    add(b, GRPC_OP_RECV_CLOSE_ON_SERVER)->data.recv_close_on_server.cancelled = &b->cancelled;
}

grpc_call_error rpc_batch_start(struct rpc_batch *b, grpc_call *call) {
    RPC_BEFORE_OPERATIONS();
    return grpc_call_start_batch(call, b->ops, (size_t)b->op_count, &b->tag, NULL);
}

void rpc_batch_unref_metadata(grpc_metadata *pairs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        grpc_slice_unref(pairs[i].key);
        grpc_slice_unref(pairs[i].value);
    }
}

static void disown(struct rpc_batch_metadata *owned) {
    rpc_batch_unref_metadata(owned->pairs, owned->count);
    owned->count = 0;
}

void rpc_batch_clear(struct rpc_batch *b) {
    RPC_BEFORE_RELEASE();
    b->op_count = 0;
    disown(&b->sent_metadata);
    disown(&b->sent_trailers);
    if (b->sent_message != NULL) {
        grpc_byte_buffer_destroy(b->sent_message);
        b->sent_message = NULL;
    }
    grpc_slice_unref(b->sent_status_message);
    b->sent_status_message = grpc_empty_slice();
    if (b->message != NULL) {
        grpc_byte_buffer_destroy(b->message);
        b->message = NULL;
    }
    grpc_slice_unref(b->status_message);
    b->status_message = grpc_empty_slice();
    if (b->core_error != NULL) {
        gpr_free((void *)(uintptr_t)b->core_error);
        b->core_error = NULL;
    }
    b->initial_metadata.count = 0;
    b->trailing_metadata.count = 0;
}

void rpc_batch_destroy(struct rpc_batch *b) {
    rpc_batch_clear(b);
    grpc_metadata_array_destroy(&b->initial_metadata);
    grpc_metadata_array_destroy(&b->trailing_metadata);
}
