#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/server_process.h"
#include "ctl/client_options.h"
#include "ctl/commands.h"
#include "ctl/exit_code.h"
#include "gateway/gateway.h"
#include "rpc/log.h"
#include "server/runsd.h"

// runsctl serve: server and gateway in one process, joined without a socket.

// Above what a run or a page of runs can be.
enum { MAX_REPLY_BYTES = 16 * 1024 * 1024 };

#define DEFAULT_HTTP "127.0.0.1:8080"

enum {
    SERVE_HTTP,
    SERVE_GRPC,
    SERVE_STORE,
    SERVE_LOG_LEVEL,
    SERVE_DRAIN_MS,
    SERVE_QUEUE_LIMIT,
    SERVE_MAX_MESSAGE,
    SERVE_MAX_HEADER,
    SERVE_MAX_BODY,
    SERVE_MAX_URL,
    SERVE_MAX_CONNECTIONS,
    SERVE_IDLE_TIMEOUT,
    SERVE_REQUEST_TIMEOUT,
    SERVE_UPSTREAM_TIMEOUT,
    SERVE_OPTION_COUNT,
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
                     .help = "sqlite:PATH or memory:",
                     .required = true},
    [SERVE_LOG_LEVEL] = {.name = "--log-level",
                         .kind = OPTION_TEXT,
                         .value = "LEVEL",
                         .help = "debug, info, warn or error [info]"},
    [SERVE_DRAIN_MS] = {.name = "--drain-ms",
                        .kind = OPTION_NUMBER,
                        .value = "N",
                        .help = "how long requests may take to end at a stop [10000]",
                        .minimum = 0,
                        .maximum = 3600000},
    [SERVE_QUEUE_LIMIT] =
        LIMIT("--queue-limit", "N", "operations that wait for the store [16384]", 10000000),
    [SERVE_MAX_MESSAGE] = LIMIT("--max-message-bytes", "N", "of a gRPC request [4194304]", 1 << 30),
    [SERVE_MAX_HEADER] =
        LIMIT("--max-header-bytes", "N", "of a REST request's head [16384]", 1 << 20),
    [SERVE_MAX_BODY] =
        LIMIT("--max-body-bytes", "N", "of a REST request's body [1048576]", 1 << 30),
    [SERVE_MAX_URL] =
        LIMIT("--max-url-bytes", "N", "of a REST request's path and query [8192]", 1 << 20),
    [SERVE_MAX_CONNECTIONS] = LIMIT("--max-connections", "N", "of REST at once [10000]", 1000000),
    [SERVE_IDLE_TIMEOUT] =
        LIMIT("--idle-timeout-ms", "N", "of a quiet REST connection [60000]", 3600000),
    [SERVE_REQUEST_TIMEOUT] =
        LIMIT("--request-timeout-ms", "N", "to receive one REST request [30000]", 3600000),
    [SERVE_UPSTREAM_TIMEOUT] =
        LIMIT("--upstream-timeout-ms", "N", "of a call behind a REST request [30000]", 3600000),
};

// What runs, started and stopped in one order.
struct parts {
    struct runsd *runsd;
    struct rpc_channel *channel;
    struct gateway *gateway;
    int failed_fd; // eventfd: the store failed
};

static void on_store_failure(void *context) {
    const struct parts *parts = context;
    uint64_t one = 1;
    ssize_t written = write(parts->failed_fd, &one, sizeof(one));
    (void)written; // the only way to fail is that it was told already
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

// Starts server, channel, gateway; what was started stays in parts on failure.
static const struct error *start(struct invocation *in, const struct logger *log,
                                 struct parts *parts, const struct address *http,
                                 const struct address *grpc, size_t grpc_count) {
    const struct option_value *v = in->values;
    const struct runsd_options server = {
        .log = log,
        .clock = &clock_system,
        .store_url = v[SERVE_STORE].text,
        .listen = grpc,
        .listen_count = grpc_count,
        .max_request_bytes = (size_t)v[SERVE_MAX_MESSAGE].number,
        .queue_limit = (int)v[SERVE_QUEUE_LIMIT].number,
        .drain_ms = drain_ms(in),
        .on_failure = on_store_failure,
        .context = parts,
    };
    const struct error *error = runsd_start(in->arena, &server, &parts->runsd);
    if (error != NULL) {
        return error;
    }
    // On the server's own loop: a hand-over to another costs as much again.
    parts->channel = rpc_channel_new_in_process(runsd_loop(parts->runsd),
                                                runsd_rpc_server(parts->runsd), MAX_REPLY_BYTES);
    const struct gateway_options front = {
        .log = log,
        .listen = *http,
        .upstream = parts->channel,
        .limits =
            {
                .header_bytes = (size_t)v[SERVE_MAX_HEADER].number,
                .body_bytes = (size_t)v[SERVE_MAX_BODY].number,
                .url_bytes = (size_t)v[SERVE_MAX_URL].number,
                .connections = (int)v[SERVE_MAX_CONNECTIONS].number,
                .idle_timeout_ms = v[SERVE_IDLE_TIMEOUT].number,
                .request_timeout_ms = v[SERVE_REQUEST_TIMEOUT].number,
                .upstream_timeout_ms = v[SERVE_UPSTREAM_TIMEOUT].number,
            },
    };
    return gateway_start(in->arena, &front, &parts->gateway);
}

static void stop(struct parts *parts, int64_t drain) {
    gateway_stop(parts->gateway, drain);
    rpc_channel_free(parts->channel);
    runsd_stop(parts->runsd);
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

// Waits for a signal or for the store to fail; returns the exit code.
static int wait_for_end(const struct logger *log, int signals_fd, int failed_fd) {
    struct pollfd ends[] = {{signals_fd, POLLIN, 0}, {failed_fd, POLLIN, 0}};
    while (poll(ends, 2, -1) < 0 && errno == EINTR) {
    }
    if (ends[1].revents != 0) {
        LOG(log, LOG_ERROR, "the store failed: stopping, so that a restart recovers it");
        return EXIT_CODE_FAILED;
    }
    LOG(log, LOG_INFO, "stopping");
    return EXIT_CODE_OK;
}

static int serve(struct invocation *in) {
    struct logger log = {STDERR_FILENO, LOG_INFO, "runsctl"};
    const struct option_value *level = &in->values[SERVE_LOG_LEVEL];
    if (level->given && !log_level_parse(level->text, &log.level)) {
        return command_usage_error(
            in->command, "--log-level: \"%s\" is none of debug, info, warn, error", level->text);
    }
    struct address http;
    struct address *grpc;
    size_t grpc_count;
    const struct error *error = parse_listeners(in, &http, &grpc, &grpc_count);
    if (error != NULL) {
        return exit_with_error(error, NULL);
    }
    sigset_t stop_signals;
    server_process_prepare(&stop_signals);
    int signals_fd = signalfd(-1, &stop_signals, SFD_CLOEXEC);
    struct parts parts = {.failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (signals_fd < 0 || parts.failed_fd < 0) {
        perror("runsctl: serve needs two file descriptors; raise ulimit -n");
        return EXIT_CODE_FAILED;
    }
    rpc_log_redirect(&log);
    int code;
    error = start(in, &log, &parts, &http, grpc, grpc_count);
    if (error != NULL) {
        if (error->detail != NULL) {
            LOG(&log, LOG_ERROR, error->message, log_text("detail", error->detail));
        }
        code = exit_with_error(error, "nothing was started");
    } else {
        log_serving(&log, &parts, &http, grpc, grpc_count);
        code = wait_for_end(&log, signals_fd, parts.failed_fd);
    }
    stop(&parts, drain_ms(in));
    if (error == NULL) {
        LOG(&log, LOG_INFO, "stopped");
    }
    rpc_log_redirect(NULL);
    close(signals_fd);
    close(parts.failed_fd);
    return code;
}

const struct command serve_command = {
    .name = "serve",
    .operands = "",
    .summary = "Serves REST and gRPC from one process; ends with SIGTERM or Ctrl-C.",
    .details = "Logs JSON lines on standard error; \"serving\" says that it is ready.\n"
               "gRPC on a network: see the README's security notes first.\n",
    .options = options,
    .option_count = SERVE_OPTION_COUNT,
    .run = serve,
};
