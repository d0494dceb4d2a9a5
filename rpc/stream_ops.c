#include <grpc/byte_buffer.h>

#include "base/core/check.h"
#include "base/core/container_of.h"
#include "rpc/batch_internal.h"
#include "rpc/stream_ops_internal.h"
#include "rpc/thread_sanitizer_internal.h"

// Of a callback queue. Mostly the message has just been sent, on this thread: to release it now
// finds it in the caches, and not where write is called for, after thousands of other streams'.
static void write_completed(grpc_completion_queue_functor *functor, int ok) {
    RPC_AFTER_EVENT();
    rpc_stream_ops_clear_message(CONTAINER_OF(functor, struct rpc_stream_ops, write.functor));
    rpc_tag_completed(functor, ok);
}

void rpc_stream_ops_init(struct rpc_stream_ops *ops, struct rpc_loop *loop,
                         const struct rpc_stream_ops_events *events) {
    *ops = (struct rpc_stream_ops){0};
    rpc_tag_init(&ops->close, loop, events->close);
    rpc_tag_init(&ops->head, loop, events->head);
    rpc_tag_init(&ops->write, loop, events->write);
    ops->write.functor.functor_run = write_completed;
    rpc_tag_init(&ops->read, loop, events->read);
}

static void start(grpc_call *call, const grpc_op *ops, size_t count, struct rpc_tag *tag) {
    RPC_BEFORE_OPERATIONS();
    // Operations that no input has a part in.
    CHECK(grpc_call_start_batch(call, ops, count, tag, NULL) == GRPC_CALL_OK);
}

void rpc_stream_ops_await_close(struct rpc_stream_ops *ops, grpc_call *call) {
    const grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
                        .data.recv_close_on_server.cancelled = &ops->cancelled};
    start(call, &op, 1, &ops->close);
}

static grpc_op send_head(const struct rpc_stream_ops_head *head) {
    return (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA,
                     .data.send_initial_metadata = {.count = head->count, .metadata = head->pairs}};
}

void rpc_stream_ops_send_head(struct rpc_stream_ops *ops, grpc_call *call,
                              const struct rpc_stream_ops_head *head) {
    const grpc_op op = send_head(head);
    start(call, &op, 1, &ops->head);
}

void rpc_stream_ops_receive(struct rpc_stream_ops *ops, grpc_call *call) {
    const grpc_op op = {.op = GRPC_OP_RECV_MESSAGE,
                        .data.recv_message.recv_message = &ops->message};
    start(call, &op, 1, &ops->read);
}

void rpc_stream_ops_set_message(struct rpc_stream_ops *ops, const struct slice *parts,
                                size_t count) {
    CHECK(ops->written == NULL);
    ops->written = rpc_batch_joined(parts, count);
}

void rpc_stream_ops_send(struct rpc_stream_ops *ops, grpc_call *call,
                         const struct rpc_stream_ops_head *head) {
    grpc_op both[2] = {
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = ops->written}};
    if (head != NULL) {
        both[1] = both[0];
        both[0] = send_head(head);
    }
    start(call, both, head != NULL ? 2 : 1, &ops->write);
}

void rpc_stream_ops_clear_message(struct rpc_stream_ops *ops) {
    RPC_BEFORE_RELEASE();
    if (ops->written != NULL) {
        grpc_byte_buffer_destroy(ops->written);
        ops->written = NULL;
    }
}

void rpc_stream_ops_release(struct rpc_stream_ops *ops) {
    rpc_stream_ops_clear_message(ops);
    if (ops->message != NULL) {
        grpc_byte_buffer_destroy(ops->message);
        ops->message = NULL;
    }
}
