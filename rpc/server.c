#include "rpc/server.h"

#include <grpc/grpc.h>
#include <limits.h>
#include <stdlib.h>

#include "base/core/check.h"
#include "base/core/memory.h"
#include "rpc/server_core_internal.h"
#include "rpc/server_intake_internal.h"
#include "rpc/server_listen_internal.h"
#include "rpc/server_stop_internal.h"

enum {
    MAX_METADATA_BYTES = 16 * 1024,
    DEFAULT_MAX_CALLS = 10000,
    HANDSHAKE_TIMEOUT_MS = 10 * 1000,
    KEEPALIVE_TIME_MS = 60 * 1000,
};

static grpc_arg integer(const char *key, int value) {
    return (grpc_arg){
        .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

static grpc_server *new_core(struct rpc_server *server, int64_t given_ping_interval_ms) {
    int min_ping_interval_ms = given_ping_interval_ms != 0 ? (int)given_ping_interval_ms
                                                           : RPC_DEFAULT_MIN_PING_INTERVAL_MS;
    size_t max_request_bytes = server->max_request_bytes;
    // Bounds what gRPC core has received and not handed over yet: beyond it calls are
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
        // We do it, within a bound (rpc/message_internal.h).
        integer(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        // Peers that have vanished are noticed; living ones may ask for us too.
        integer(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_TIMEOUT_MS),
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_TIME_MS),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, RPC_KEEPALIVE_TIMEOUT_MS),
        integer(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        integer(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        integer(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, min_ping_interval_ms),
        integer(GRPC_ARG_ENABLE_CHANNELZ, 0),
        rpc_server_listen_argument(server, 0),
        rpc_server_listen_argument(server, 1),
        rpc_server_listen_argument(server, 2),
        rpc_server_listen_argument(server, 3),
    };
    grpc_channel_args list = {sizeof(args) / sizeof(args[0]), args};
    grpc_server *core = grpc_server_create(&list, NULL);
    grpc_resource_quota_unref(quota);
    return core;
}

static void set_limits(struct rpc_server *server, const struct rpc_server_options *options) {
    server->max_request_bytes = options->max_request_bytes != 0
                                    ? options->max_request_bytes
                                    : (size_t)RPC_DEFAULT_MAX_REQUEST_BYTES;
    server->max_calls_in_flight =
        options->max_calls_in_flight != 0 ? options->max_calls_in_flight : DEFAULT_MAX_CALLS;
    int reserved =
        options->reserved_calls != 0 ? options->reserved_calls : server->max_calls_in_flight / 4;
    server->max_calls_for_reads = server->max_calls_in_flight - reserved;
    server->max_streams =
        options->max_streams != 0 ? options->max_streams : (server->max_calls_in_flight + 1) / 2;
    server->max_anonymous_streams = options->max_anonymous_streams != 0
                                        ? options->max_anonymous_streams
                                        : RPC_DEFAULT_MAX_ANONYMOUS_STREAMS;
    server->max_long_polls =
        options->max_long_polls != 0 ? options->max_long_polls : RPC_DEFAULT_MAX_LONG_POLLS;
    server->max_held = options->max_buffered_bytes != 0 ? options->max_buffered_bytes
                                                        : (size_t)RPC_DEFAULT_MAX_BUFFERED_BYTES;
    server->max_connections =
        options->max_connections != 0 ? options->max_connections : RPC_DEFAULT_MAX_CONNECTIONS;
}

static void set_metrics(struct rpc_server *server, const struct rpc_server_options *options) {
    server->own_metrics = options->metrics == NULL ? rpc_server_metrics_new(NULL) : NULL;
    server->metrics = options->metrics != NULL ? options->metrics : server->own_metrics;
    struct metrics_child *const *limits = server->metrics->limits;
    metrics_gauge_set(limits[RPC_CALL_UNARY], server->max_calls_in_flight);
    metrics_gauge_set(limits[RPC_CALL_STREAM], server->max_streams);
    metrics_gauge_set(limits[RPC_CALL_ANONYMOUS], server->max_anonymous_streams);
    metrics_gauge_set(limits[RPC_CALL_LONG_POLL], server->max_long_polls);
    metrics_gauge_set(server->metrics->held_limit, (int64_t)server->max_held);
}

static void register_methods(struct rpc_server *server, const struct rpc_server_options *options) {
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
        server->acceptors[i].metrics = rpc_method_metrics_of(server->metrics, method);
    }
    server->acceptors[options->method_count].metrics = rpc_method_metrics_of(server->metrics, NULL);
}

struct rpc_server *rpc_server_new(struct rpc_loop *loop, const struct rpc_server_options *options) {
    struct rpc_server *server = mem_zalloc(sizeof(*server));
    server->loop = loop;
    server->queue = rpc_loop_queue(loop);
    server->log = options->log;
    set_limits(server, options);
    set_metrics(server, options);
    server->error_domain = options->error_domain;
    server->guard = options->guard;
    server->errors_in_trailers = rpc_loop_is_local(loop);
    rpc_server_core_init(server);
    rpc_server_intake_init(server);
    rpc_server_stop_init(server);
    server->core = new_core(server, options->min_ping_interval_ms);
    grpc_server_register_completion_queue(server->core, server->queue, NULL);
    register_methods(server, options);
    return server;
}

void rpc_server_start(struct rpc_server *server) {
    grpc_server_start(server->core);
    server->started = true;
    rpc_server_intake_start(server);
    rpc_server_core_await(server, RPC_SERVER_STARTED, 0);
    rpc_server_listen_start(server);
}

void rpc_server_free(struct rpc_server *server) {
    if (server == NULL) {
        return;
    }
    CHECK(!server->started);
    metrics_remove_collectors(server->metrics->registry, server);
    accept_thread_free(server->accept_thread);
    if (!rpc_server_core_has_reached(server, RPC_SERVER_SHUT_DOWN)) {
        rpc_server_stop_core(server, 0); // never started; gRPC core needs the shutdown nevertheless
    }
    grpc_server_destroy(server->core);
    rpc_server_core_release(server);
    rpc_server_metrics_free(server->own_metrics);
    free(server->acceptors);
    free(server);
}
