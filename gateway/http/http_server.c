#include "gateway/http/http_server.h"

#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/core/clock.h"
#include "base/core/container_of.h"
#include "base/core/memory.h"
#include "base/net/listen_socket.h"
#include "base/process/descriptor_limit.h"
#include "base/thread/condition.h"
#include "gateway/connection/connection_memory.h"
#include "gateway/connection/linger.h"
#include "gateway/connection/reaper.h"
#include "gateway/edge/trusted_addresses.h"
#include "gateway/http/exchange.h"
#include "gateway/http/exchange_machine.h"
#include "gateway/http/exchange_wait.h"
#include "gateway/http/http_metrics.h"
#include "gateway/http/tls_front.h"
#include "rpc/loop.h"

enum {
    // At a stop: how long a request may be on its way to us on an idle connection,
    // within the drain; and after the drain, how long replies may take to be sent.
    STOP_GRACE_MS = 500,
    LAST_REPLIES_MS = 500,
    ACCEPT_ROUNDS = 1000, // libmicrohttpd takes at least one connection in each
    // libmicrohttpd says that it must run again at once, also of a request that cannot
    // go on because its buffer is full. After so many runs for nothing there is a pause,
    // so that such a request costs no CPU until its time is over.
    FRUITLESS_RUNS = 1000,
    PAUSE_MS = 10,
};

// What a stop waits for.
enum stop_stage {
    STAGE_NONE,
    STAGE_CLOSED,  // no connection is left
    STAGE_NO_CALL, // no connection is suspended for a call, and no check is under way
};

struct http_server {
    struct exchange_context context;
    struct gateway_api_slot apis;
    struct listen_socket socket;
    struct MHD_Daemon *daemon;
    bool must_run_soon;        // for TLS
    struct tls_front *tls;     // NULL: plain text
    struct rpc_loop *own_loop; // the context's, unless one was given
    struct rpc_watch watch;
    struct listener_guard *guard; // NULL: none
    struct guarded_listener guarded;
    char *address; // for it
    // Written by the HTTP thread alone.
    atomic_llong accepted;
    atomic_llong connections; // open
    // The HTTP thread's.
    int fruitless_runs; // since libmicrohttpd has called us last
    int64_t now_us;     // when the turn began
    struct linger_ring linger;

    pthread_mutex_t mutex;
    pthread_cond_t reached;
    enum stop_stage awaited; // by the thread that stops; with the mutex
};

static long long get(const atomic_llong *number) {
    return atomic_load_explicit(number, memory_order_relaxed);
}

static void add(atomic_llong *number, long long by) {
    atomic_store_explicit(number, get(number) + by, memory_order_relaxed);
}

// --- libmicrohttpd's callbacks, all on its thread ---

static void on_connection(void *closure, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what) {
    struct http_server *server = closure;
    server->fruitless_runs = 0;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info->connect_fd;
    struct transport transport = transport_plain(fd);
    struct exchange_connection *client = *socket_context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        // A session of TLS is gone by now, but for what it holds back.
        if (client->tls != NULL) {
            tls_front_end(client->tls);
        }
        linger_add(&server->linger, &transport, reaper_closes(client->entry), server->now_us);
        reaper_remove(server->context.reaper, client->entry);
        free(client);
        add(&server->connections, -1);
        return;
    }
    client = mem_zalloc(sizeof(*client));
    if (server->tls != NULL) {
        client->tls = tls_front_begin(server->tls, connection, fd, client, &transport);
    }
    client->entry = reaper_add(server->context.reaper, &transport);
    if (client->tls != NULL) {
        tls_front_enter(client->tls);
    }
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    peer_address_format(info != NULL ? info->client_addr : NULL, client->client_address);
    const struct trusted_addresses *trusted = server->context.edge.options.trusted;
    client->is_of_trusted =
        trusted != NULL && trusted_addresses_have(trusted, slice_of_cstr(client->client_address));
    *socket_context = client;
    add(&server->connections, 1);
    add(&server->accepted, 1);
}

static void *on_request_line(void *closure, const char *target, struct MHD_Connection *connection) {
    struct http_server *server = closure;
    server->fruitless_runs = 0;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct exchange *x =
        exchange_machine_begin(&server->context, info->socket_context, connection, target);
    connection_memory_list_less(connection, target);
    return x;
}

static enum MHD_Result on_request(void *closure, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **exchange) {
    (void)url;
    struct http_server *server = closure;
    server->fruitless_runs = 0;
    return exchange_machine_handle(*exchange, connection, method, version, upload_data,
                                   upload_data_size);
}

static void on_completed(void *closure, struct MHD_Connection *connection, void **exchange,
                         enum MHD_RequestTerminationCode how) {
    (void)closure;
    (void)connection;
    (void)how;
    if (*exchange != NULL) {
        exchange_machine_end(*exchange);
        *exchange = NULL;
    }
}

// The target is matched before it is decoded, so nothing is decoded here.
static size_t leave_escaped(void *closure, struct MHD_Connection *connection, char *text) {
    (void)closure;
    (void)connection;
    return strlen(text);
}

static void on_log(void *closure, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void on_log(void *closure, const char *format, va_list args) {
    (void)args;
    const struct http_server *server = closure;
    if (log_enabled(server->context.log, LOG_DEBUG)) {
        // Only the format: what it is filled with came from clients.
        LOG(server->context.log, LOG_DEBUG, "libmicrohttpd", log_own_text("text", format));
    }
}

// --- start and stop ---

// Of two waits in ms, -1 for ever.
static int shorter_ms(int a, int b) {
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

// How long libmicrohttpd may wait, in ms; -1 for ever.
static int daemon_wait_ms(struct http_server *server) {
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_timeout(server->daemon, &ms) != MHD_YES) {
        return server->must_run_soon ? PAUSE_MS : -1;
    }
    if (server->must_run_soon && ms > PAUSE_MS) {
        return PAUSE_MS;
    }
    if (ms == 0 && server->fruitless_runs++ >= FRUITLESS_RUNS) {
        server->fruitless_runs = FRUITLESS_RUNS;
        return PAUSE_MS;
    }
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static bool has_reached(const struct http_server *server) {
    const struct exchange_context *context = &server->context;
    return server->awaited == STAGE_CLOSED
               ? get(&server->connections) == 0 && server->linger.count == 0
               : reaper_calling_count(context->reaper) == 0 &&
                     !readiness_is_asking(context->readiness);
}

static void notify_stop(struct http_server *server) {
    pthread_mutex_lock(&server->mutex);
    if (server->awaited != STAGE_NONE && has_reached(server)) {
        server->awaited = STAGE_NONE;
        pthread_cond_broadcast(&server->reached);
    }
    pthread_mutex_unlock(&server->mutex);
}

// Before libmicrohttpd runs.
static void set_time(struct http_server *server) {
    server->now_us = clock_monotonic_us();
    reaper_set_time(server->context.reaper, server->now_us);
}

static void run_daemon(struct http_server *server) {
    if (server->tls != NULL) {
        tls_front_before_run(server->tls);
    }
    MHD_run(server->daemon);
    exchange_suspend_received(&server->context);
    if (server->tls != NULL) {
        server->must_run_soon = tls_front_after_run(server->tls);
    }
}

static void put_levels(struct http_server *server) {
    struct http_levels *levels = http_metrics_levels(server->context.metrics);
    if (levels != NULL) {
        http_levels_set(levels, HTTP_LEVEL_CONNECTIONS, get(&server->connections));
        http_levels_set(levels, HTTP_LEVEL_ACCEPTED, get(&server->accepted));
        exchange_metrics_put_levels(&server->context);
    }
}

static int turn(struct rpc_watch *watch) {
    struct http_server *server = CONTAINER_OF(watch, struct http_server, watch);
    long long connections;
    set_time(server);
    // Before the run, without which libmicrohttpd overlooks connections that are resumed.
    exchange_wait_run_due(&server->context);
    do {
        // It looks for new connections again only in the run after one has ended.
        connections = get(&server->connections);
        run_daemon(server);
    } while (get(&server->connections) < connections);
    int wait_ms =
        shorter_ms(reaper_run(server->context.reaper), linger_run(&server->linger, server->now_us));
    if (atomic_load_explicit(&server->context.is_stopping, memory_order_relaxed)) {
        notify_stop(server);
    }
    wait_ms = shorter_ms(wait_ms, exchange_wait_due_ms(&server->context));
    put_levels(server);
    return shorter_ms(wait_ms, daemon_wait_ms(server));
}

// MHD_OPTION_STRICT_FOR_CLIENT stays off: all that it does in 0.9.75 is to answer a
// missing Host and a space in the target by itself, in HTML. We refuse both. The time-out
// of connections is off: reaper.h says why.
static struct MHD_Daemon *start_daemon(struct http_server *server) {
    static const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    const struct gateway_limits *limits = &server->context.limits;
    const struct MHD_OptionItem *tls =
        server->tls != NULL ? tls_front_daemon_options(server->tls) : none;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     (server->tls != NULL ? MHD_USE_TLS : 0);
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_ARRAY, tls,    //
                            MHD_OPTION_EXTERNAL_LOGGER, on_log, server,                         //
                            MHD_OPTION_LISTEN_SOCKET, server->socket.fd,                        //
                            MHD_OPTION_STRICT_FOR_CLIENT, 0,                                    //
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)limits->connections,         //
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory_size(limits), //
                            MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, server,                //
                            MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,               //
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,                  //
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
}

// On the guard's thread. At its limit libmicrohttpd leaves new connections in the backlog.
static void look(void *context, struct listener_look *ret_look) {
    struct http_server *server = context;
    listener_look_at_socket(server->socket.fd, ret_look);
    // libmicrohttpd takes no other socket in its place.
    ret_look->is_file_lost =
        server->socket.file.path != NULL && !socket_file_is_ours(&server->socket.file);
    ret_look->is_full = get(&server->connections) >= server->context.limits.connections;
    ret_look->accepted = (uint64_t)get(&server->accepted);
}

static void begin_guard(struct http_server *server, const struct http_server_options *options) {
    if (options->guard != NULL) {
        server->guard = options->guard;
        server->address = mem_strdup(options->listen.text);
        server->guarded = (struct guarded_listener){
            .what = "REST", .address = server->address, .look = look, .context = server};
        listener_guard_add(server->guard, &server->guarded);
    }
}

static void free_server(struct http_server *server) {
    http_metrics_free(server->context.metrics);
    free(server->address);
    readiness_free(server->context.readiness);
    tls_front_free(server->tls);
    reaper_free(server->context.reaper);
    stream_group_free(server->context.streams);
    listen_socket_close(&server->socket);
    exchange_context_release(&server->context);
    edge_release(&server->context.edge);
    gateway_api_slot_release(&server->apis);
    rpc_loop_free(server->own_loop);
    linger_release(&server->linger);
    pthread_cond_destroy(&server->reached);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

static void init_waiting(struct http_server *server) {
    pthread_mutex_init(&server->mutex, NULL);
    condition_init(&server->reached);
}

static struct readiness *new_readiness(struct http_server *server,
                                       const struct http_server_options *options) {
    const struct readiness_options readiness = {
        .log = options->log,
        .loop = server->context.loop,
        .source = options->readiness,
        .upstream = options->upstream,
    };
    return readiness_new(&readiness);
}

// A unix socket stays plain: its file says who may connect. Returns false, with errno, if there is
// no file descriptor left.
static bool begin_tls(struct http_server *server, const struct http_server_options *options) {
    if (options->tls == NULL || options->listen.kind == ADDRESS_UNIX) {
        return true;
    }
    const struct tls_front_options tls = {
        .log = options->log,
        .source = options->tls,
        .client_auth = options->client_auth,
        .reaper = server->context.reaper,
        .metrics = options->metrics,
    };
    server->tls = tls_front_new(&tls);
    return server->tls != NULL;
}

const struct error *http_server_start(struct arena *a, const struct http_server_options *options,
                                      struct http_server **ret_server) {
    struct listen_socket socket;
    const struct error *error = edge_check(a, &options->http);
    if (error == NULL) {
        error = listen_socket_open(a, &options->listen, &socket);
    }
    if (error != NULL) {
        return error;
    }
    struct http_server *server = mem_zalloc(sizeof(*server));
    server->socket = socket;
    server->context.metrics = http_metrics_new(options->metrics, &options->limits);
    init_waiting(server);
    int64_t descriptors = descriptor_limit() - DESCRIPTORS_RESERVED;
    server->linger.max_descriptor = descriptors > INT_MAX ? INT_MAX : (int)descriptors;
    server->now_us = clock_monotonic_us();
    server->context.log = options->log;
    server->context.tracer = options->tracer;
    server->context.upstream_has_tracer = options->upstream_has_tracer;
    edge_init(&server->context.edge, options->log, &options->http);
    gateway_api_slot_init(&server->apis, gateway_api_ref(options->api));
    server->context.apis = &server->apis;
    server->context.limits = options->limits;
    server->context.calls = (struct admission){
        .what = "calls in flight",
        .limit = options->limits.calls_in_flight,
        .reserved = options->limits.reserved_calls,
    };
    server->context.window.limit = options->upstream_window;
    server->context.authorizer = options->authorizer;
    server->context.budget.limit = options->limits.buffered_bytes;
    server->context.streams_open =
        (struct admission){.what = "streams open", .limit = options->limits.streams};
    server->context.anonymous_streams = (struct admission){
        .what = "streams open without a token",
        .limit = options->limits.anonymous_streams,
    };
    server->context.reaper = reaper_new(options->limits.idle_timeout_ms,
                                        options->limits.request_timeout_ms, options->http.envelope);
    server->context.streams = stream_group_new();
    snprintf(server->context.keep_alive, sizeof(server->context.keep_alive), "timeout=%d",
             (int)(options->limits.idle_timeout_ms / 1000));
    server->own_loop = options->loop == NULL ? rpc_loop_new_local("http") : NULL;
    server->context.loop = options->loop != NULL ? options->loop : server->own_loop;
    server->context.local = options->local;
    server->context.readiness = new_readiness(server, options);
    bool is_ready = server->context.loop != NULL && server->context.reaper != NULL &&
                    begin_tls(server, options);
    server->daemon = is_ready ? start_daemon(server) : NULL;
    if (server->daemon == NULL) {
        int number = errno;
        free_server(server);
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "cannot serve HTTP on \"%s\": %s",
                         options->listen.text, strerror(number));
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    server->watch = (struct rpc_watch){
        .fd = info->epoll_fd,
        .more_fd = server->tls != NULL ? tls_front_fd(server->tls) : 0,
        .turn = turn,
    };
    rpc_loop_watch(server->context.loop, &server->watch);
    begin_guard(server, options);
    *ret_server = server;
    return NULL;
}

void http_server_set_api(struct http_server *server, struct gateway_api *api) {
    gateway_api_slot_set(&server->apis, api);
}

struct change {
    struct http_server *server;
    const struct gateway_limits *limits;
    const struct gateway_http_options *http;
};

static void take_change(void *context) {
    const struct change *change = context;
    struct exchange_context *taken = &change->server->context;
    taken->limits.upstream_timeout_ms = change->limits->upstream_timeout_ms;
    edge_set(&taken->edge, change->http);
}

void http_server_set_options(struct http_server *server, const struct gateway_limits *limits,
                             const struct gateway_http_options *http) {
    struct change change = {server, limits, http};
    rpc_loop_call(server->context.loop, take_change, &change);
}

int http_server_port(const struct http_server *server) {
    return server->socket.port;
}

struct rpc_loop *http_server_loop(const struct http_server *server) {
    return server->context.loop;
}

// --- the stop ---

// Clients that are connected already are served: closing the socket would reset them.
static void stop_accepting(struct http_server *server) {
    set_time(server);
    listen_socket_refuse(&server->socket);
    for (int i = 0; i < ACCEPT_ROUNDS && !server->socket.is_inherited &&
                    listen_socket_has_waiting(&server->socket) &&
                    get(&server->connections) < server->context.limits.connections;
         i++) {
        run_daemon(server);
    }
    MHD_quiesce_daemon(server->daemon); // the socket is ours again
    // From now on new connections are refused.
    listen_socket_shut(&server->socket);
    exchange_wait_run_due(&server->context);
}

struct stop {
    struct http_server *server;
    int64_t until_us;
};

static void begin_stop(void *context) {
    const struct stop *stop = context;
    struct http_server *server = stop->server;
    atomic_store(&server->context.is_stopping, true);
    readiness_stop(server->context.readiness);
    stop_accepting(server);
    // Replies close their connections from now on. On those that are idle a request may
    // be on its way.
    int64_t grace_end_us = clock_monotonic_us() + (int64_t)STOP_GRACE_MS * 1000;
    reaper_close_idle(server->context.reaper,
                      grace_end_us < stop->until_us ? grace_end_us : stop->until_us);
}

static void cancel_all(void *server) {
    reaper_cancel_all(((struct http_server *)server)->context.reaper);
}

static void do_nothing(void *context) {
    (void)context;
}

// Waits for a stage until until_us, 0: for ever. Returns whether it was reached.
static bool await(struct http_server *server, enum stop_stage stage, int64_t until_us) {
    pthread_mutex_lock(&server->mutex);
    server->awaited = stage;
    pthread_mutex_unlock(&server->mutex);
    rpc_loop_call(server->context.loop, do_nothing, NULL); // a turn comes behind it
    pthread_mutex_lock(&server->mutex);
    while (server->awaited != STAGE_NONE &&
           condition_wait(&server->reached, &server->mutex, until_us)) {
    }
    bool reached = server->awaited == STAGE_NONE;
    server->awaited = STAGE_NONE;
    pthread_mutex_unlock(&server->mutex);
    return reached;
}

void http_server_stop(struct http_server *server, int64_t drain_ms) {
    if (server == NULL) {
        return;
    }
    if (server->guard != NULL) {
        listener_guard_remove(server->guard, &server->guarded);
    }
    struct stop stop = {server, clock_monotonic_us() + drain_ms * 1000};
    rpc_loop_call(server->context.loop, begin_stop, &stop);
    // Streams have no end of their own to wait for.
    stream_group_stop(server->context.streams);
    if (!await(server, STAGE_CLOSED, stop.until_us)) {
        LOG(server->context.log, LOG_WARN, "requests in flight are cancelled",
            log_int("drainMs", drain_ms));
    }
    // A connection that is suspended must not be stopped.
    rpc_loop_call(server->context.loop, cancel_all, server);
    await(server, STAGE_NO_CALL, 0);
    await(server, STAGE_CLOSED, clock_monotonic_us() + (int64_t)LAST_REPLIES_MS * 1000);
    rpc_loop_watch(server->context.loop, NULL);
    // Whose connection is still suspended, for want of room.
    exchange_wait_run_due(&server->context);
    if (server->tls != NULL) {
        tls_front_stop(server->tls);
    }
    MHD_stop_daemon(server->daemon); // its last callbacks are called here
    stream_group_wait_empty(server->context.streams);
    free_server(server);
}
