#include "base/core/container_of.h"
#include "rpc/stream_queues_internal.h"

static void queue_is_shut_down(grpc_completion_queue_functor *functor, int ok) {
    (void)ok;
    sem_post(&CONTAINER_OF(functor, struct rpc_stream_queues, is_shut_down)->shut_down);
}

void rpc_stream_queues_init(struct rpc_stream_queues *q) {
    q->is_shut_down.functor_run = queue_is_shut_down;
    q->is_shut_down.inlineable = 1;
    sem_init(&q->shut_down, 0, 0);
    for (int i = 0; i < RPC_STREAM_QUEUES; i++) {
        q->queues[i] = grpc_completion_queue_create_for_callback(&q->is_shut_down, NULL);
    }
}

grpc_completion_queue *rpc_stream_queues_next(struct rpc_stream_queues *q) {
    return q->queues[q->next++ % RPC_STREAM_QUEUES];
}

void rpc_stream_queues_release(struct rpc_stream_queues *q) {
    for (int i = 0; i < RPC_STREAM_QUEUES; i++) {
        grpc_completion_queue_shutdown(q->queues[i]);
    }
    for (int i = 0; i < RPC_STREAM_QUEUES; i++) {
        while (sem_wait(&q->shut_down) != 0) {
        }
    }
    for (int i = 0; i < RPC_STREAM_QUEUES; i++) {
        grpc_completion_queue_destroy(q->queues[i]);
    }
    sem_destroy(&q->shut_down);
}
