#include "rpc/server.h"

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "base/core/check.h"
#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "base/thread/condition.h"
#include "rpc/server_core.h"
#include "rpc/server_internal.h"

// The server's life, and how calls are taken.

enum {
    ACCEPTS_PER_METHOD = 16, // taken anew at once: more only help a burst within one event
    MAX_FREE_CALLS = 1024,   // call objects kept for reuse
    MAX_METADATA_BYTES = 16 * 1024,
    DEFAULT_MAX_REQUEST_BYTES = 4 * 1024 * 1024,
    DEFAULT_MAX_CALLS = 10000,
    DEFAULT_MAX_BUFFERED_BYTES = 256 * 1024 * 1024,
    HANDSHAKE_TIMEOUT_MS = 10 * 1000,
    KEEPALIVE_TIME_MS = 60 * 1000,
    SHORTEST_CLIENT_PING_MS = 10 * 1000,
    RETRY_WHEN_FULL_MS = 1000,
    // At a stop, how long calls that are on their way are still awaited, to be refused with
    // a reason: after the last one, and in all.
    LINGER_MS = 50,
    LONGEST_LINGER_MS = 1000,
    LAST_ANSWERS_MS = 1000, // after the drain, for answers to reach the sockets
};

static void accept_done(struct rpc_tag *tag, bool ok);

// --- call objects ---

static struct rpc_server_call *take_call_object(struct rpc_server *server) {
    struct rpc_server_call *call = server->free_calls;
    if (call != NULL) {
        server->free_calls = call->next_free;
        server->free_call_count--;
    } else {
        call = mem_zalloc(sizeof(*call));
        call->server = server;
        rpc_batch_init(&call->answer, server->loop, NULL);
        rpc_tag_init(&call->accept_tag, server->loop, accept_done);
        grpc_metadata_array_init(&call->metadata);
        grpc_call_details_init(&call->details);
        arena_init(&call->arena);
    }
    server->pending++;
    return call;
}

static void destroy_call_object(struct rpc_server_call *call) {
    rpc_batch_destroy(&call->answer);
    grpc_metadata_array_destroy(&call->metadata);
    arena_release(&call->arena);
    free(call);
}

// Tells rpc_server_stop when the last call object has come back.
static void check_idle(struct rpc_server *server) {
    if (server->stopping && server->pending == 0) {
        pthread_mutex_lock(&server->mutex);
        server->is_idle = true;
        pthread_cond_broadcast(&server->changed);
        pthread_mutex_unlock(&server->mutex);
    }
}

static void give_back_call_object(struct rpc_server_call *call) {
    struct rpc_server *server = call->server;
    rpc_batch_clear(&call->answer);
    rpc_message_release(&call->request);
    if (call->payload != NULL) {
        grpc_byte_buffer_destroy(call->payload);
        call->payload = NULL;
    }
    if (call->core != NULL) {
        grpc_call_unref(call->core); // also owns what metadata points to
        call->core = NULL;
    }
    call->metadata.count = 0;
    if (call->acceptor->method == NULL) {
        grpc_call_details_destroy(&call->details);
        grpc_call_details_init(&call->details);
    }
    arena_reset(&call->arena);
    if (server->free_call_count < MAX_FREE_CALLS) {
        call->next_free = server->free_calls;
        server->free_calls = call;
        server->free_call_count++;
    } else {
        destroy_call_object(call);
    }
    server->pending--;
    check_idle(server);
}

// Tells rpc_server_stop when the last handler has answered.
static void check_quiet(struct rpc_server *server) {
    if (server->stopping && server->calls_in_flight == 0) {
        pthread_mutex_lock(&server->mutex);
        server->is_quiet = true;
        pthread_cond_broadcast(&server->changed);
        pthread_mutex_unlock(&server->mutex);
    }
}

void rpc_server_call_at_handler(struct rpc_server_call *call) {
    struct rpc_server *server = call->server;
    call->next = server->unary_calls;
    call->link = &server->unary_calls;
    if (call->next != NULL) {
        call->next->link = &call->next;
    }
    server->unary_calls = call;
}

static void unlink_unary(struct rpc_server_call *call) {
    if (call->link != NULL) {
        *call->link = call->next;
        if (call->next != NULL) {
            call->next->link = call->link;
        }
        call->link = NULL;
    }
}

void rpc_server_call_ended(struct rpc_server_call *call) {
    struct rpc_server *server = call->server;
    unlink_unary(call);
    if (call->counted) {
        call->counted = false;
        server->calls_in_flight--;
        check_quiet(server);
    }
    rpc_server_give_room(call);
    atomic_fetch_sub(&server->answering, 1);
    give_back_call_object(call);
}

// --- taking calls ---

static void refuse_unknown_method(struct rpc_server_call *call) {
    struct slice method = rpc_slice_view(&call->details.method);
    rpc_server_call_fail(call, error_new(&call->arena, STATUS_UNIMPLEMENTED, REASON_METHOD_UNKNOWN,
                                         "there is no method \"%.*s\"", SLICE_FMT(method)));
}

void rpc_server_refuse_stopping(struct rpc_server_call *call) {
    struct error *e = error_new(&call->arena, STATUS_UNAVAILABLE, REASON_SERVER_STOPPING,
                                "the server is stopping; nothing was changed");
    e->retry_after_ms = RPC_RETRY_WHEN_STOPPING_MS;
    rpc_server_call_fail(call, e);
}

static void refuse_full(struct rpc_server_call *call) {
    const struct rpc_server *server = call->server;
    bool is_read = call->acceptor->method->is_read;
    struct error *e = error_new(
        &call->arena, STATUS_RESOURCE_EXHAUSTED, REASON_QUEUE_FULL,
        "the server has %d calls in flight, its limit%s", server->calls_in_flight,
        is_read && server->calls_in_flight < server->max_calls_in_flight ? " for reads" : "");
    e->retry_after_ms = RETRY_WHEN_FULL_MS;
    rpc_server_call_fail(call, e);
}

static void refuse_stream(struct rpc_server_call *call) {
    struct error *e =
        error_new(&call->arena, STATUS_RESOURCE_EXHAUSTED, REASON_QUEUE_FULL,
                  "the server has %d streams open, its limit", call->server->max_streams);
    e->retry_after_ms = RETRY_WHEN_FULL_MS;
    rpc_server_call_fail(call, e);
}

const struct error *rpc_server_take_message(const struct rpc_server_call *call, struct arena *a,
                                            grpc_byte_buffer *buffer, struct rpc_message *ret) {
    const char *path = call->acceptor->method->path;
    size_t max_bytes = call->server->max_request_bytes;
    switch (rpc_message_take(buffer, max_bytes, ret)) {
    case RPC_MESSAGE_OK:
        return NULL;
    case RPC_MESSAGE_TOO_LARGE:
        return error_new(a, STATUS_RESOURCE_EXHAUSTED, REASON_MESSAGE_TOO_LARGE,
                         "the request message of %s is larger than %zu bytes", path, max_bytes);
    case RPC_MESSAGE_MALFORMED:
        break;
    }
    return error_new(a, STATUS_INVALID_ARGUMENT, REASON_MESSAGE_MALFORMED,
                     "the compressed request message of %s cannot be decompressed", path);
}

static const struct error *read_request(struct rpc_server_call *call) {
    if (call->payload == NULL) {
        return error_new(&call->arena, STATUS_INVALID_ARGUMENT, REASON_MESSAGE_MALFORMED,
                         "the call of %s has no request message", call->acceptor->method->path);
    }
    grpc_byte_buffer *payload = call->payload;
    call->payload = NULL;
    return rpc_server_take_message(call, &call->arena, payload, &call->request);
}

static void serve(struct rpc_server_call *call) {
    struct rpc_server *server = call->server;
    call->started_us = clock_monotonic_us();
    atomic_store_explicit(&server->last_call_us, call->started_us, memory_order_relaxed);
    atomic_store_explicit(&call->answerer, RPC_ANSWERER_NOBODY, memory_order_relaxed);
    if (call->acceptor->method == NULL) {
        refuse_unknown_method(call);
        return;
    }
    if (server->stopping) {
        rpc_server_refuse_stopping(call);
        return;
    }
    const struct rpc_method *method = call->acceptor->method;
    int limit = method->is_read ? server->max_calls_for_reads : server->max_calls_in_flight;
    if (server->calls_in_flight >= limit) {
        refuse_full(call);
        return;
    }
    if (method->kind != RPC_UNARY && server->stream_count >= server->max_streams) {
        refuse_stream(call);
        return;
    }
    call->counted = true;
    server->calls_in_flight++;
    const struct error *error = method->kind == RPC_BIDI_STREAM ? NULL : read_request(call);
    if (error != NULL) {
        rpc_server_call_fail(call, error);
        return;
    }
    rpc_server_serve_in_room(call);
}

// Asks gRPC for one call more.
static void accept_one(struct rpc_server *server, const struct rpc_acceptor *acceptor) {
    struct rpc_server_call *call = take_call_object(server);
    call->acceptor = acceptor;
    grpc_call_error error;
    if (acceptor->method != NULL) {
        grpc_byte_buffer **payload =
            acceptor->method->kind == RPC_BIDI_STREAM ? NULL : &call->payload;
        error = grpc_server_request_registered_call(
            server->core, acceptor->registered, &call->core, &call->deadline, &call->metadata,
            payload, server->queue, server->queue, &call->accept_tag);
    } else {
        error = grpc_server_request_call(server->core, &call->core, &call->details, &call->metadata,
                                         server->queue, server->queue, &call->accept_tag);
    }
    CHECK(error == GRPC_CALL_OK); // arguments that no input has a part in
}

static void accept_done(struct rpc_tag *tag, bool ok) {
    struct rpc_server_call *call = CONTAINER_OF(tag, struct rpc_server_call, accept_tag);
    struct rpc_server *server = call->server;
    if (!ok) { // the server shuts down
        give_back_call_object(call);
        return;
    }
    atomic_fetch_add(&server->answering, 1);
    accept_one(server, call->acceptor);
    if (call->acceptor->method == NULL) {
        call->deadline = call->details.deadline;
    }
    serve(call);
}

static void start_accepting(struct rpc_task *task) {
    struct rpc_server *server = CONTAINER_OF(task, struct rpc_server, start_task);
    for (size_t i = 0; i < server->acceptor_count; i++) {
        for (int n = 0; n < ACCEPTS_PER_METHOD; n++) {
            accept_one(server, &server->acceptors[i]);
        }
    }
    pthread_mutex_lock(&server->mutex);
    server->is_started = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

// --- the server's life ---

static grpc_arg integer(const char *key, int value) {
    return (grpc_arg){
        .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

static grpc_server *new_core(struct rpc_server *server) {
    size_t max_request_bytes = server->max_request_bytes;
    // Bounds what gRPC core has received and nobody was given yet: beyond it calls are
    // reset. A message and what is read ahead must fit, however small the rest is.
    grpc_resource_quota *quota = grpc_resource_quota_create("server");
    grpc_resource_quota_resize(quota, server->max_held + 2 * max_request_bytes);
    grpc_arg args[] = {
        {.type = GRPC_ARG_POINTER,
         .key = (char *)(uintptr_t)GRPC_ARG_RESOURCE_QUOTA,
         .value.pointer = {quota, grpc_resource_quota_arg_vtable()}},
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
                max_request_bytes > INT_MAX ? INT_MAX : (int)max_request_bytes),
        integer(GRPC_ARG_MAX_METADATA_SIZE, MAX_METADATA_BYTES),
        // We do it, within a bound (rpc/message.h).
        integer(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        // Peers that have vanished are noticed; living ones may ask for us too.
        integer(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_TIMEOUT_MS),
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_TIME_MS),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, RPC_KEEPALIVE_TIMEOUT_MS),
        integer(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        integer(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        integer(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, SHORTEST_CLIENT_PING_MS),
        integer(GRPC_ARG_ENABLE_CHANNELZ, 0),
        rpc_listener_argument(server),
    };
    grpc_channel_args list = {sizeof(args) / sizeof(args[0]), args};
    grpc_server *core = grpc_server_create(&list, NULL);
    grpc_resource_quota_unref(quota);
    return core;
}

static void shutdown_done(struct rpc_tag *tag, bool ok) {
    (void)ok;
    struct rpc_server *server = CONTAINER_OF(tag, struct rpc_server, shutdown_tag);
    pthread_mutex_lock(&server->mutex);
    server->is_shut_down = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

static void begin_stop(struct rpc_task *task) {
    struct rpc_server *server = CONTAINER_OF(task, struct rpc_server, stop_task);
    // Calls that still come through are refused with a reason.
    server->stopping = true;
    rpc_server_streams_stopping(server);
    rpc_server_refuse_waiting(server);
    check_quiet(server);
}

// Not before there is no other way: once core shuts down it drops the calls that come, as
// CANCELLED. So the connections are ended first, which makes UNAVAILABLE of them.
static void shut_down(struct rpc_task *task) {
    struct rpc_server *server = CONTAINER_OF(task, struct rpc_server, shutdown_task);
    server->stopping = true;
    grpc_server_cancel_all_calls(server->core);
    // No new connections, accepts end not ok.
    grpc_server_shutdown_and_notify(server->core, server->queue, &server->shutdown_tag);
    check_idle(server);
}

// Of a stop whose drain is over.
struct giving_up {
    struct rpc_server *server;
    bool was_quiet; // no call was left to give up
};

// On the loop's thread. Who is answered may be gone right after, so it is looked before.
static void give_up(void *context) {
    struct giving_up *g = context;
    pthread_mutex_lock(&g->server->mutex);
    g->was_quiet = g->server->is_quiet;
    pthread_mutex_unlock(&g->server->mutex);
    rpc_server_calls_give_up(g->server);
}

struct rpc_server *rpc_server_new(struct rpc_loop *loop, const struct rpc_server_options *options) {
    struct rpc_server *server = mem_zalloc(sizeof(*server));
    server->loop = loop;
    server->queue = rpc_loop_queue(loop);
    server->log = options->log;
    server->max_request_bytes =
        options->max_request_bytes != 0 ? options->max_request_bytes : DEFAULT_MAX_REQUEST_BYTES;
    server->max_calls_in_flight =
        options->max_calls_in_flight != 0 ? options->max_calls_in_flight : DEFAULT_MAX_CALLS;
    int reserved =
        options->reserved_calls != 0 ? options->reserved_calls : server->max_calls_in_flight / 4;
    server->max_calls_for_reads = server->max_calls_in_flight - reserved;
    server->max_streams =
        options->max_streams != 0 ? options->max_streams : (server->max_calls_in_flight + 1) / 2;
    server->max_held = options->max_buffered_bytes != 0 ? options->max_buffered_bytes
                                                        : (size_t)DEFAULT_MAX_BUFFERED_BYTES;
    server->error_domain = options->error_domain;
    server->max_connections = options->max_connections;
    server->guard = options->guard;
    server->errors_in_trailers = rpc_loop_is_local(loop);
    server->start_task.run = start_accepting;
    server->stop_task.run = begin_stop;
    server->shutdown_task.run = shut_down;
    rpc_tag_init(&server->shutdown_tag, loop, shutdown_done);
    pthread_mutex_init(&server->mutex, NULL);
    condition_init(&server->changed);

    server->core = new_core(server);
    grpc_server_register_completion_queue(server->core, server->queue, NULL);
    server->acceptor_count = options->method_count + 1;
    server->acceptors = mem_zalloc(server->acceptor_count * sizeof(*server->acceptors));
    for (size_t i = 0; i < options->method_count; i++) {
        const struct rpc_method *method = &options->methods[i];
        server->acceptors[i].method = method;
        grpc_server_register_method_payload_handling payload =
            method->kind == RPC_BIDI_STREAM ? GRPC_SRM_PAYLOAD_NONE
                                            : GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER;
        server->acceptors[i].registered =
            grpc_server_register_method(server->core, method->path, NULL, payload, 0);
        CHECK(server->acceptors[i].registered != NULL); // else the same path is there twice
    }
    return server;
}

void rpc_server_start(struct rpc_server *server) {
    grpc_server_start(server->core);
    server->started = true;
    rpc_loop_post(server->loop, &server->start_task);
    pthread_mutex_lock(&server->mutex);
    while (!server->is_started) {
        pthread_cond_wait(&server->changed, &server->mutex);
    }
    pthread_mutex_unlock(&server->mutex);
    if (server->accept_thread != NULL) {
        accept_thread_start(server->accept_thread, server->guard);
    }
}

static int64_t after_ms(int64_t ms) {
    return clock_monotonic_us() + ms * 1000;
}

void rpc_server_begin_stop(struct rpc_server *server) {
    if (server->accept_thread != NULL) {
        accept_thread_stop(server->accept_thread);
    }
    if (server->started && !server->stop_begun) {
        server->stop_begun = true;
        rpc_loop_post(server->loop, &server->stop_task);
    }
}

// Waits until all is over, or until a time (0: none).
static bool wait_over(struct rpc_server *server, int64_t until_us) {
    pthread_mutex_lock(&server->mutex);
    while (!(server->is_shut_down && server->is_idle) &&
           condition_wait(&server->changed, &server->mutex, until_us)) {
    }
    bool is_over = server->is_shut_down && server->is_idle;
    pthread_mutex_unlock(&server->mutex);
    return is_over;
}

static bool wait_quiet(struct rpc_server *server, int64_t until_us) {
    pthread_mutex_lock(&server->mutex);
    while (!server->is_quiet && condition_wait(&server->changed, &server->mutex, until_us)) {
    }
    bool is_quiet = server->is_quiet;
    pthread_mutex_unlock(&server->mutex);
    return is_quiet;
}

// Awaits calls that were on their way when the stop began.
static void linger(const struct rpc_server *server, int64_t until_us) {
    int64_t longest_us = clock_monotonic_us() + (int64_t)LONGEST_LINGER_MS * 1000;
    until_us = until_us < longest_us ? until_us : longest_us;
    int64_t now_us;
    while ((now_us = clock_monotonic_us()) < until_us) {
        int64_t end_us = atomic_load(&server->last_call_us) + (int64_t)LINGER_MS * 1000;
        end_us = end_us < until_us ? end_us : until_us;
        if (now_us >= end_us) {
            return;
        }
        const struct timespec end = {end_us / 1000000, end_us % 1000000 * 1000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
    }
}

// Answers the calls that are left. Returns whether there were none: a drain of no time may
// be over before it was looked.
static bool end_calls(struct rpc_server *server, int64_t drain_ms) {
    struct giving_up g = {.server = server};
    rpc_loop_call(server->loop, give_up, &g);
    int64_t until_us = after_ms(LAST_ANSWERS_MS);
    pthread_mutex_lock(&server->mutex);
    while (server->partings > 0 && condition_wait(&server->changed, &server->mutex, until_us)) {
    }
    pthread_mutex_unlock(&server->mutex);
    LOG(server->log, g.was_quiet ? LOG_INFO : LOG_WARN, "drain time is over",
        log_int("drainMs", drain_ms), log_int("callsCancelled", atomic_load(&server->answering)));
    return g.was_quiet;
}

bool rpc_server_stop(struct rpc_server *server, int64_t drain_ms) {
    CHECK(!rpc_loop_is_current(server->loop));
    bool by_themselves = true;
    // 1. Nothing new: what comes is refused. Calls in flight may end.
    rpc_server_begin_stop(server);
    if (server->started) {
        int64_t until_us = after_ms(drain_ms);
        by_themselves = wait_quiet(server, until_us);
        // 2. Those that are on their way are refused, those that are left answered.
        if (by_themselves) {
            linger(server, until_us);
        } else {
            by_themselves = end_calls(server, drain_ms);
        }
        // 3. The connections end, and with them what nobody has answered.
        rpc_loop_post(server->loop, &server->shutdown_task);
        if (!wait_over(server, until_us)) {
            grpc_server_cancel_all_calls(server->core); // those that came in between
        }
        // 4. The shutdown's tag has come, and each call object back.
        wait_over(server, 0);
        server->started = false;
    }
    return by_themselves;
}

void rpc_server_free(struct rpc_server *server) {
    if (server == NULL) {
        return;
    }
    CHECK(!server->started);
    accept_thread_free(server->accept_thread);
    if (!server->is_shut_down) {
        // Never started; gRPC wants the shutdown nevertheless.
        rpc_loop_post(server->loop, &server->shutdown_task);
        wait_over(server, 0);
    }
    grpc_server_destroy(server->core);
    while (server->free_calls != NULL) {
        struct rpc_server_call *next = server->free_calls->next_free;
        destroy_call_object(server->free_calls);
        server->free_calls = next;
    }
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->mutex);
    free(server->acceptors);
    free(server);
}

grpc_server *rpc_server_core(struct rpc_server *server) {
    return server->core;
}

bool rpc_server_errors_in_trailers(const struct rpc_server *server) {
    return server->errors_in_trailers;
}
