#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/core/clock.h"
#include "base/log/server_log.h"
#include "base/net/listener_guard.h"
#include "base/process/descriptor_limit.h"
#include "base/process/memory_keeper.h"
#include "base/process/server_process.h"
#include "ctl/client_options.h"
#include "ctl/exit_code.h"
#include "gateway/flags.h"
#include "gateway/gateway.h"
#include "rpc/log.h"
#include "server/runsd.h"
#include "storage/backends.h"

// runsctl serve: server and gateway in one process, joined without a socket.

// Above what a run or a page of runs can be.
enum { MAX_REPLY_BYTES = 16 * 1024 * 1024 };

// With 1,000 connections, 128 at once make a third more cancels and reads a second than
// all at once, and 24 MiB less; with 64 connections nothing changes.
enum { CALLS_AT_ONCE = 128 };

// Beyond both drains, until the guard of the listeners ends a process that does not stop.
enum { STOP_MS = 10000 };

#define DEFAULT_HTTP "127.0.0.1:8080"

enum {
    SERVE_HTTP,
    SERVE_GRPC,
    SERVE_STORE,
    SERVE_LOG_LEVEL,
    SERVE_DRAIN_MS,
    SERVE_QUEUE_LIMIT,
    SERVE_MAX_MESSAGE,
    SERVE_MAX_GRPC_CONNECTIONS,
    SERVE_GATEWAY, // what every gateway has
    SERVE_OPTION_COUNT = SERVE_GATEWAY + GATEWAY_FLAG_COUNT,
};

#define LIMIT(option_, value_, help_, most_)                                                       \
    {                                                                                              \
        .name = (option_), .kind = OPTION_NUMBER, .value = (value_), .help = (help_),              \
        .minimum = 1, .maximum = (most_)                                                           \
    }

static const struct option options[] = {
    [SERVE_HTTP] = {.name = "--http",
                    .kind = OPTION_TEXT,
                    .value = "ADDR",
                    .help = "where REST listens [" DEFAULT_HTTP "]"},
    [SERVE_GRPC] = {.name = "--grpc",
                    .kind = OPTION_LIST,
                    .value = "ADDR",
                    .help = "where gRPC listens [" RUNSD_DEFAULT_ADDRESS " and unix:PATH.sock]"},
    [SERVE_STORE] = {.name = "--store",
                     .kind = OPTION_TEXT,
                     .value = "URL",
                     .help = STORE_URLS,
                     .required = true},
    [SERVE_LOG_LEVEL] = {.name = "--log-level",
                         .kind = OPTION_CHOICE,
                         .value = "LEVEL",
                         .help = "debug, info, warn or error [info]",
                         .words = log_level_names},
    [SERVE_DRAIN_MS] = {.name = "--drain-ms",
                        .kind = OPTION_NUMBER,
                        .value = "N",
                        .help = "how long requests may take to end at a stop [10000]",
                        .minimum = 0,
                        .maximum = 3600000},
    [SERVE_QUEUE_LIMIT] =
        LIMIT("--queue-limit", "N", "operations that wait for the store [16384]", 10000000),
    [SERVE_MAX_MESSAGE] = LIMIT("--max-message-bytes", "N", "of a gRPC request [4194304]", 1 << 30),
    [SERVE_MAX_GRPC_CONNECTIONS] = LIMIT(
        "--max-grpc-connections", "N",
        "open at once; more are closed [1024, or what fits\nthe limit of open files]", 1000000),
    GATEWAY_FLAGS(SERVE_GATEWAY),
};

// What runs, started and stopped in one order.
struct parts {
    struct rpc_loop *front; // serves HTTP and the calls that it makes in this process
    struct runsd *runsd;
    struct rpc_channel *channel;
    struct gateway *gateway;
    struct listener_guard *guard;
    int failed_fd; // eventfd: a part failed, and said why in the log
};

static void on_failure(void *context) {
    const struct parts *parts = context;
    uint64_t one = 1;
    ssize_t written = write(parts->failed_fd, &one, sizeof(one));
    (void)written; // fails only if the event was signalled already
}

static const struct error *parse_listeners(struct invocation *in, struct address *ret_http,
                                           struct address **ret_grpc, size_t *ret_count) {
    const struct option_value *http = &in->values[SERVE_HTTP];
    const struct option_value *grpc = &in->values[SERVE_GRPC];
    const char *defaults[RUNSD_DEFAULT_LISTENERS];
    const char *const *texts = grpc->given ? grpc->list : defaults;
    *ret_count = grpc->given
                     ? (size_t)grpc->list_count
                     : runsd_default_listeners(in->arena, in->values[SERVE_STORE].text, defaults);
    const struct error *error =
        address_parse(in->arena, "--http", http->given ? http->text : DEFAULT_HTTP, ret_http);
    *ret_grpc = ARENA_ARRAY(in->arena, struct address, *ret_count);
    for (size_t i = 0; i < *ret_count && error == NULL; i++) {
        error = address_parse(in->arena, "--grpc", texts[i], &(*ret_grpc)[i]);
    }
    return error;
}

static int64_t drain_ms(const struct invocation *in) {
    return in->values[SERVE_DRAIN_MS].given ? in->values[SERVE_DRAIN_MS].number : 10000;
}

static const struct error *check_caller(void *runsd, struct arena *a, struct slice value,
                                        bool has_value) {
    return runsd_check_caller(runsd, a, value, has_value);
}

static bool is_ready(void *runsd) {
    return runsd_is_serving(runsd);
}

// Starts server, channel, gateway; what was started stays in parts on failure.
static const struct error *start(struct invocation *in, const struct logger *log,
                                 struct parts *parts, struct gateway_options *front,
                                 const struct address *grpc, size_t grpc_count,
                                 int grpc_connections) {
    const struct option_value *v = in->values;
    const struct runsd_options server = {
        .log = log,
        .clock = &clock_system,
        .store_url = v[SERVE_STORE].text,
        .listen = grpc,
        .listen_count = grpc_count,
        .max_request_bytes = (size_t)v[SERVE_MAX_MESSAGE].number,
        .max_buffered_bytes = front->limits.buffered_bytes,
        .max_connections = grpc_connections,
        .guard = parts->guard,
        .queue_limit = (int)v[SERVE_QUEUE_LIMIT].number,
        .drain_ms = drain_ms(in),
        .on_failure = on_failure,
        .context = parts,
    };
    parts->front = rpc_loop_new_local("front");
    if (parts->front == NULL) {
        return error_new(in->arena, STATUS_UNAVAILABLE, REASON_NONE,
                         "there is no file descriptor left; raise ulimit -n");
    }
    const struct error *error = runsd_start(in->arena, &server, &parts->runsd);
    if (error != NULL) {
        return error;
    }
    // From the request's bytes to the store without a change of the thread: each
    // hand-over costs as much as the call.
    struct rpc_server *in_process = runsd_serve_in_process(parts->runsd, parts->front);
    parts->channel = rpc_channel_new_in_process(parts->front, in_process, MAX_REPLY_BYTES);
    front->log = log;
    front->upstream = parts->channel;
    front->loop = parts->front;
    front->upstream_window = CALLS_AT_ONCE;
    front->authorizer = (struct gateway_authorizer){check_caller, parts->runsd};
    front->readiness = (struct gateway_readiness){is_ready, parts->runsd};
    front->guard = parts->guard;
    return gateway_start(in->arena, front, &parts->gateway);
}

// Both fronts drain at the same time, so that each has all of it.
static void stop(struct parts *parts, int64_t drain) {
    if (parts->runsd != NULL) {
        runsd_begin_stop(parts->runsd);
    }
    gateway_stop(parts->gateway, drain);
    rpc_channel_free(parts->channel);
    runsd_stop(parts->runsd);
    rpc_loop_free(parts->front);
    listener_guard_free(parts->guard);
}

static void log_serving(const struct logger *log, const struct parts *parts,
                        const struct address *http, const struct address *grpc, size_t count) {
    for (size_t i = 0; i < count; i++) {
        LOG(log, LOG_INFO, "serving gRPC", log_text("address", grpc[i].text),
            log_int("port", runsd_port(parts->runsd, i)));
    }
    LOG(log, LOG_INFO, "serving", log_text("http", http->text),
        log_int("port", gateway_port(parts->gateway)));
}

// Takes a signal; returns whether it asks for a stop.
static bool take_signal(const struct logger *log, int signals_fd) {
    struct signalfd_siginfo taken;
    if (read(signals_fd, &taken, sizeof(taken)) != sizeof(taken)) {
        return false;
    }
    bool is_stop = server_process_is_stop((int)taken.ssi_signo);
    LOG(log, LOG_INFO, is_stop ? "stopping" : "there is nothing to reload",
        log_int("signal", taken.ssi_signo));
    return is_stop;
}

// Waits for a signal or for a part to fail; returns the exit code.
static int wait_for_end(const struct logger *log, int signals_fd, int failed_fd) {
    struct pollfd ends[] = {{signals_fd, POLLIN, 0}, {failed_fd, POLLIN, 0}};
    for (;;) {
        if (poll(ends, 2, -1) < 0 && errno == EINTR) {
            continue;
        }
        if (ends[1].revents != 0) {
            LOG(log, LOG_ERROR, "a part failed: stopping, so that a restart recovers it");
            return EXIT_CODE_FAILED;
        }
        if (ends[0].revents != 0 && take_signal(log, signals_fd)) {
            return EXIT_CODE_OK;
        }
    }
}

// Fits both kinds of connections into the limit of open files.
static const struct error *fit_connections(struct invocation *in, const struct logger *log,
                                           struct gateway_options *front, int *ret_grpc) {
    const struct option_value *grpc = &in->values[SERVE_MAX_GRPC_CONNECTIONS];
    struct descriptor_share shares[] = {
        gateway_flags_connections(&in->values[SERVE_GATEWAY]),
        {.option = "--max-grpc-connections",
         .is_given = grpc->given,
         .connections = grpc->given ? grpc->number : RPC_DEFAULT_MAX_CONNECTIONS},
    };
    const struct error *error = descriptor_limit_apply(in->arena, log, shares, 2);
    front->limits.connections = (int)shares[0].connections;
    *ret_grpc = (int)shares[1].connections;
    return error;
}

static struct listener_guard *new_guard(const struct invocation *in, const struct logger *log,
                                        struct parts *parts) {
    const struct listener_guard_options options = {
        .log = log,
        .on_deaf = on_failure,
        .context = parts,
        .stop_ms = 2 * drain_ms(in) + STOP_MS,
    };
    return listener_guard_new(&options);
}

static int serve_logged(struct invocation *in, const sigset_t *signals, const struct logger *log) {
    struct gateway_options front = {.log = log, .web = true};
    struct address *grpc;
    size_t grpc_count;
    const struct error *error = parse_listeners(in, &front.listen, &grpc, &grpc_count);
    if (error == NULL) {
        error = gateway_flags_read(in->arena, &in->values[SERVE_GATEWAY], &front);
    }
    int grpc_connections;
    if (error == NULL) {
        error = fit_connections(in, log, &front, &grpc_connections);
    }
    if (error != NULL) {
        return command_usage_error(in->command, "%s", error->message);
    }
    int signals_fd = signalfd(-1, signals, SFD_CLOEXEC);
    struct parts parts = {.failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (signals_fd < 0 || parts.failed_fd < 0) {
        perror("runsctl: serve needs two file descriptors; raise ulimit -n");
        return EXIT_CODE_FAILED;
    }
    rpc_log_redirect(log);
    struct memory_keeper *keeper = memory_keeper_start();
    parts.guard = new_guard(in, log, &parts);
    int code;
    error = start(in, log, &parts, &front, grpc, grpc_count, grpc_connections);
    if (error != NULL) {
        if (error->detail != NULL) {
            LOG(log, LOG_ERROR, error->message, log_text("detail", error->detail));
        }
        code = exit_with_error(error, "nothing was started");
    } else {
        log_serving(log, &parts, &front.listen, grpc, grpc_count);
        code = wait_for_end(log, signals_fd, parts.failed_fd);
    }
    stop(&parts, drain_ms(in));
    if (error == NULL) {
        LOG(log, LOG_INFO, "stopped");
    }
    memory_keeper_stop(keeper);
    rpc_log_redirect(NULL);
    close(signals_fd);
    close(parts.failed_fd);
    return code;
}

static int serve(struct invocation *in) {
    const struct option_value *level = &in->values[SERVE_LOG_LEVEL];
    // Before any thread is made, so that all of them leave the signals to us.
    sigset_t signals;
    server_process_prepare(&signals);
    struct logger log;
    server_log_start(level->given ? (enum log_level)level->number : LOG_INFO, "runsctl", &log);
    int code = serve_logged(in, &signals, &log);
    server_log_stop(&log);
    return code;
}

const struct command serve_command = {
    .name = "serve",
    .place = 100,
    .operands = "",
    .summary = "Serves REST and gRPC from one process; ends with SIGTERM or Ctrl-C.",
    .details = "Logs JSON lines on standard error; \"serving\" says that it is ready.\n"
               "gRPC on a network: see the README's security notes first.\n",
    .options = options,
    .option_count = SERVE_OPTION_COUNT,
    .run = serve,
};
