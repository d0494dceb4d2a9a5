#include <grpc/byte_buffer.h>
#include <stdlib.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/thread/condition.h"
#include "rpc/server_core_internal.h"

enum { MAX_FREE_CALLS = 1024 }; // call objects kept for reuse

// --- stages ---

void rpc_server_core_init(struct rpc_server *server) {
    pthread_mutex_init(&server->mutex, NULL);
    condition_init(&server->changed);
    server_cork_init(&server->cork);
    rpc_stream_queues_init(&server->stream_queues);
}

void rpc_server_core_reach(struct rpc_server *server, enum rpc_server_stage stage) {
    pthread_mutex_lock(&server->mutex);
    server->stages |= stage;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

bool rpc_server_core_has_reached(struct rpc_server *server, enum rpc_server_stage stage) {
    pthread_mutex_lock(&server->mutex);
    bool has = (server->stages & stage) != 0;
    pthread_mutex_unlock(&server->mutex);
    return has;
}

bool rpc_server_core_await(struct rpc_server *server, unsigned stages, int64_t until_us) {
    pthread_mutex_lock(&server->mutex);
    while ((server->stages & stages) != stages &&
           condition_wait(&server->changed, &server->mutex, until_us)) {
    }
    bool has = (server->stages & stages) == stages;
    pthread_mutex_unlock(&server->mutex);
    return has;
}

void rpc_server_core_check_idle(struct rpc_server *server) {
    if (server->stopping && server->pending == 0) {
        rpc_server_core_reach(server, RPC_SERVER_IDLE);
    }
}

void rpc_server_core_check_quiet(struct rpc_server *server) {
    if (server->stopping && server->calls_in_flight == 0) {
        rpc_server_core_reach(server, RPC_SERVER_QUIET);
    }
}

// --- call objects ---

struct rpc_server_call *rpc_server_core_take_call(struct rpc_server *server,
                                                  void (*taken)(struct rpc_tag *tag, bool ok)) {
    struct rpc_server_call *call = server->free_calls;
    if (call != NULL) {
        server->free_calls = call->next_free;
        server->free_call_count--;
    } else {
        call = mem_zalloc(sizeof(*call));
        call->server = server;
        rpc_batch_init(&call->answer, server->loop, NULL);
        rpc_tag_init(&call->accept_tag, server->loop, taken);
        grpc_metadata_array_init(&call->metadata);
        grpc_call_details_init(&call->details);
        arena_init(&call->arena);
    }
    server->pending++;
    return call;
}

void rpc_server_core_take_little(struct rpc_server_call *call) {
    enum { LITTLE_BYTES = 1536 };
    arena_release(&call->arena); // a call object that was used before has kept a block
    call->arena_begin = mem_alloc(LITTLE_BYTES);
    call->arena.next = call->arena_begin;
    call->arena.end = call->arena_begin + LITTLE_BYTES;
}

static void destroy_call(struct rpc_server_call *call) {
    rpc_batch_destroy(&call->answer);
    grpc_metadata_array_destroy(&call->metadata);
    arena_release(&call->arena);
    free(call);
}

static void give_back_core(struct rpc_server_call *call) {
    rpc_batch_clear(&call->answer);
    if (call->payload != NULL) {
        grpc_byte_buffer_destroy(call->payload);
        call->payload = NULL;
    }
    if (call->core != NULL) {
        grpc_call_unref(call->core); // also owns what metadata points to
        call->core = NULL;
    }
}

void rpc_server_core_give_back_call(struct rpc_server_call *call) {
    struct rpc_server *server = call->server;
    rpc_message_release(&call->request);
    if (call->is_direct) {
        call->is_direct = false;
        call->direct_events = NULL;
        call->direct_details = SLICE_EMPTY;
        rpc_message_release(&call->direct_reply); // which nobody took
    } else {
        give_back_core(call);
    }
    call->metadata.count = 0;
    call->head_metadata = NULL;
    call->head_metadata_count = 0;
    call->reply_metadata = NULL;
    call->reply_metadata_count = 0;
    if (call->acceptor->method == NULL) {
        grpc_call_details_destroy(&call->details);
        grpc_call_details_init(&call->details);
    }
    arena_reset(&call->arena);
    free(call->arena_begin);
    call->arena_begin = NULL;
    if (server->free_call_count < MAX_FREE_CALLS) {
        call->next_free = server->free_calls;
        server->free_calls = call;
        server->free_call_count++;
    } else {
        destroy_call(call);
    }
    server->pending--;
    rpc_server_core_check_idle(server);
}

// --- what is counted ---

enum rpc_call_kind rpc_server_core_kind_of(const struct rpc_method *method) {
    if (method->is_anonymous) {
        return RPC_CALL_ANONYMOUS;
    }
    if (method->has_own_limit) {
        return RPC_CALL_OWN_LIMIT;
    }
    return method->kind == RPC_UNARY ? RPC_CALL_UNARY : RPC_CALL_STREAM;
}

void rpc_server_core_count_answer(const struct rpc_server_call *call, enum status_code code,
                                  enum reason reason) {
    struct rpc_server *server = call->server;
    struct rpc_method_metrics *m = &server->acceptors[call->acceptor - server->acceptors].metrics;
    rpc_method_metrics_count(m, code, reason);
    if (m->duration != NULL && call->long_poll == NULL) {
        metrics_histogram_observe(m->duration, clock_monotonic_us() - call->started_us);
    }
}

void rpc_server_core_release(struct rpc_server *server) {
    while (server->free_calls != NULL) {
        struct rpc_server_call *next = server->free_calls->next_free;
        destroy_call(server->free_calls);
        server->free_calls = next;
    }
    rpc_stream_queues_release(&server->stream_queues);
    server_cork_release(&server->cork);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->mutex);
}
