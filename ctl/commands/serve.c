#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/admin_flags.h"
#include "admin/admin_sandbox.h"
#include "base/cli/config_reload.h"
#include "base/cli/process_options.h"
#include "base/core/clock.h"
#include "base/log/server_log.h"
#include "base/metrics/metrics.h"
#include "base/net/listen_check.h"
#include "base/net/listener_guard.h"
#include "base/process/descriptor_limit.h"
#include "base/process/memory_keeper.h"
#include "base/process/process_metrics.h"
#include "base/process/sandbox.h"
#include "base/process/server_process.h"
#include "base/process/service_manager.h"
#include "base/process/watchdog.h"
#include "base/tls/tls_source.h"
#include "base/trace/trace_options.h"
#include "base/trace/tracer.h"
#include "ctl/command.h"
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
#include "ctl/libraries.h"
#include "gateway/flags.h"
#include "gateway/gateway.h"
#include "rpc/client.h"
#include "rpc/log.h"
#include "rpc/loop_ping.h"
#include "server/demo_token.h"
#include "server/options.h"
#include "server/readiness.h"
#include "server/runsd.h"
#include "storage/backends.h"
#include "storage/store_opener.h"

// runsctl serve: server and gateway in one process, joined without a socket.

// Above what a run or a page of runs can be.
enum { MAX_REPLY_BYTES = 16 * 1024 * 1024 };

// With 1,000 connections, 128 at once make a third more cancels and reads a second than
// all at once, and 24 MiB less; with 64 connections nothing changes.
enum { CALLS_AT_ONCE = 128 };

// Beyond both drains, until the guard of the listeners ends a process that does not stop.
enum { STOP_MS = 10000 };

struct serve_options {
    const char *http;
    struct cli_list grpc;
    struct server_options server;
    struct gateway_flags gateway;
    struct admin_flags admin;
    struct tls_options tls;
    struct trace_options trace;
    struct process_options process;
};

static const struct cli_option rows[] = {
    {.name = "--http",
     .value = "ADDR",
     CLI_TEXT_AT(struct serve_options, http),
     .fallback = "127.0.0.1:8080",
     .help = "where REST listens"},
    {.name = "--grpc",
     .value = "ADDR",
     CLI_LIST_AT(struct serve_options, grpc),
     .default_help = RUNSD_DEFAULT_ADDRESS " and unix:PATH.sock",
     .help = "where gRPC listens, in place of"},
    {.name = "--store",
     .value = "URL",
     CLI_TEXT_AT(struct serve_options, server.runsd.store_url),
     .is_required = true,
     .help = STORE_URLS},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {rows, 0},
    {tls_options_rows, offsetof(struct serve_options, tls)},
    {process_options_rows, offsetof(struct serve_options, process)},
    {server_options_rows, offsetof(struct serve_options, server)},
    {gateway_flags_rows, offsetof(struct serve_options, gateway)},
    {admin_flags_rows, offsetof(struct serve_options, admin)},
    {trace_options_rows, offsetof(struct serve_options, trace)},
    {NULL, 0},
};

// What runs, started and stopped in one order.
struct parts {
    struct rpc_loop *front; // serves HTTP and the calls that it makes in this process
    struct runsd *runsd;
    struct rpc_channel *channel;
    struct gateway *gateway;
    struct tls_source *tls; // NULL: plain text
    struct tracer *tracer;  // NULL: no traces
    struct listener_guard *guard;
    struct watchdog *watchdog;
    struct rpc_loop_ping pings[2];
    struct metrics *metrics;
    struct admin *admin;
    struct sandbox sandbox;
    int failed_fd; // eventfd: a part failed, and said why in the log
};

static void on_failure(void *context) {
    const struct parts *parts = context;
    uint64_t one = 1;
    ssize_t written = write(parts->failed_fd, &one, sizeof(one));
    (void)written; // fails only if the event was signalled already
}

static const struct error *check_caller(void *runsd, struct arena *a,
                                        const struct gateway_caller *caller) {
    return runsd_check_caller(runsd, a, caller->has_authorization ? &caller->authorization : NULL,
                              caller->client_names, caller->client_name_count);
}

static bool is_ready(void *runsd) {
    return runsd_is_serving(runsd);
}

static const struct error *check_listeners(struct arena *a, struct serve_options *options) {
    struct runsd_options *grpc = &options->server.runsd;
    struct listen_place *places = ARENA_ARRAY(a, struct listen_place, grpc->listen_count + 2);
    size_t count = 0;
    places[count++] = (struct listen_place){"--http", &options->gateway.options.listen};
    for (size_t i = 0; i < grpc->listen_count; i++) {
        // The socket beside the store, which nobody asked for: what is wrong is the store's to say.
        if (options->grpc.count > 0 || grpc->listen[i].kind != ADDRESS_UNIX) {
            places[count++] = (struct listen_place){"--grpc", &grpc->listen[i]};
        }
    }
    if (options->admin.text != NULL) {
        places[count++] = (struct listen_place){"--admin", &options->admin.listen};
    }
    return listen_check(a, places, count);
}

static const struct error *start_admin(struct arena *a, const struct logger *log,
                                       struct parts *parts, const struct admin_flags *flags) {
    const struct admin_options options = {
        .log = log,
        .program = "runsctl",
        .listen = flags->listen,
        .metrics = parts->metrics,
        .add_libraries = ctl_libraries_add,
        .guard = parts->guard,
    };
    return admin_start(a, &options, &parts->admin);
}

// Starts the admin listener, server, channel, gateway; what was started stays in parts on failure.
static const struct error *start(struct arena *a, const struct logger *log, struct parts *parts,
                                 struct serve_options *options) {
    struct runsd_options server = options->server.runsd;
    server.log = log;
    server.clock = &clock_system;
    server.guard = parts->guard;
    server.metrics = parts->metrics;
    server.on_failure = on_failure;
    server.context = parts;
    parts->front = rpc_loop_new_local("front");
    if (parts->front == NULL) {
        return error_new(a, STATUS_UNAVAILABLE, REASON_NONE,
                         "there is no file descriptor left; raise ulimit -n");
    }
    const struct error *error = tls_source_open(a, log, &options->tls, &parts->tls);
    tls_source_add_metrics(parts->tls, parts->metrics);
    if (error == NULL) {
        error = check_listeners(a, options);
    }
    server.tls = parts->tls;
    if (error == NULL) {
        error = tracer_start(a, log, "runsctl", &options->trace.settings, &parts->tracer);
    }
    server.tracer = parts->tracer;
    if (error == NULL) {
        error = start_admin(a, log, parts, &options->admin);
    }
    if (error == NULL) {
        error = runsd_start(a, &server, &parts->runsd);
    }
    if (error != NULL) {
        return error;
    }
    // From the request's bytes to the store without a change of the thread: each
    // hand-over costs as much as the call.
    struct rpc_server *in_process = runsd_serve_in_process(parts->runsd, parts->front);
    parts->channel = rpc_channel_new_in_process(parts->front, in_process, MAX_REPLY_BYTES);
    struct gateway_options front = options->gateway.options;
    front.log = log;
    front.upstream = parts->channel;
    front.loop = parts->front;
    front.upstream_window = CALLS_AT_ONCE;
    front.authorizer = (struct gateway_authorizer){check_caller, parts->runsd};
    front.readiness = (struct gateway_readiness){is_ready, parts->runsd};
    front.tls = parts->tls;
    front.tracer = parts->tracer;
    front.upstream_has_tracer = true;
    front.guard = parts->guard;
    front.metrics = parts->metrics;
    readiness_add(parts->admin, parts->runsd, parts->guard);
    admin_add_sandbox(parts->admin, &parts->sandbox);
    error = demo_token_offer(a, parts->runsd, &options->server, log);
    return error != NULL ? error : gateway_start(a, &front, &parts->gateway);
}

// Both fronts drain at the same time, so that each has all of it.
static void stop(struct parts *parts, int64_t drain) {
    watchdog_stop_asking(parts->watchdog);
    admin_set_stage(parts->admin, ADMIN_STOPPING);
    if (parts->runsd != NULL) {
        runsd_begin_stop(parts->runsd);
    }
    gateway_stop(parts->gateway, drain);
    rpc_channel_free(parts->channel);
    readiness_remove(parts->admin, parts->runsd, parts->guard);
    runsd_stop(parts->runsd);
    rpc_loop_free(parts->front);
    watchdog_free(parts->watchdog);
    tracer_stop(parts->tracer);
    admin_stop(parts->admin);
    listener_guard_free(parts->guard);
    tls_source_stop(parts->tls);
}

static void watch_loops(struct parts *parts) {
    rpc_loop_ping_add(&parts->pings[0], parts->watchdog, "front", parts->front);
    rpc_loop_ping_add(&parts->pings[1], parts->watchdog, "gRPC", runsd_loop(parts->runsd));
}

static void log_serving(struct arena *a, const struct logger *log, const struct parts *parts,
                        const struct serve_options *options) {
    runsd_log_ready(a, parts->runsd, &options->server.runsd);
    for (size_t i = 0; i < options->server.runsd.listen_count; i++) {
        LOG(log, LOG_INFO, "serving gRPC",
            log_text("address", options->server.runsd.listen[i].text),
            log_int("port", runsd_port(parts->runsd, i)));
    }
    LOG(log, LOG_INFO, "serving", log_text("http", options->gateway.options.listen.text),
        log_int("port", gateway_port(parts->gateway)));
}

// Fits both kinds of connections into the limit of open files.
static const struct error *fit_connections(struct arena *a, const struct logger *log,
                                           struct serve_options *options) {
    struct descriptor_share shares[] = {options->gateway.connections, options->server.connections};
    const struct error *error = descriptor_limit_apply(a, log, shares, 2);
    options->gateway.options.limits.connections = (int)shares[0].connections;
    options->server.runsd.max_connections = (int)shares[1].connections;
    return error;
}

// Completes options once they were read, by what they say alone.
static const struct error *check_options(struct arena *a, struct serve_options *options) {
    struct runsd_options *server = &options->server.runsd;
    const struct error *error =
        address_parse_listener(a, "--http", options->http, &options->gateway.options.listen);
    if (error == NULL) {
        error = server_options_finish(a, &options->server, "--grpc", &options->grpc);
    }
    if (error == NULL) {
        error = gateway_flags_finish(a, &options->gateway);
    }
    if (error == NULL) {
        error = admin_flags_finish(a, &options->admin);
    }
    if (error == NULL) {
        error = tls_options_check(a, &options->tls);
    }
    if (error == NULL) {
        error = trace_options_finish(a, &options->trace);
    }
    options->gateway.options.client_auth = tls_options_client_auth(&options->tls);
    server->client_auth = options->gateway.options.client_auth;
    server->max_buffered_bytes = options->gateway.options.limits.buffered_bytes;
    server->drain_ms = options->process.drain_ms;
    return error;
}

// How long a stop takes at most.
static int64_t stop_ms(int64_t drain_ms) {
    return 2 * drain_ms + STOP_MS;
}

static struct listener_guard *new_guard(const struct logger *log, struct parts *parts,
                                        int64_t drain_ms) {
    const struct listener_guard_options options = {
        .log = log,
        .on_deaf = on_failure,
        .context = parts,
        .stop_ms = stop_ms(drain_ms),
    };
    return listener_guard_new(&options);
}

// A process that serves, and what a reload may change of it.
struct served {
    struct logger *log;
    struct parts *parts;
    struct config_reload *reload;
    int64_t drain_ms;
};

static const struct error *check_again(void *context, struct arena *a, void *options) {
    (void)context;
    return check_options(a, options);
}

// Has the gateway take what has changed.
static void take_changed(struct served *served, const struct gateway_options *changed) {
    struct arena a;
    arena_init(&a);
    size_t routes;
    const struct error *error =
        gateway_reload(served->parts->gateway, &a, changed, NULL, 0, &routes);
    if (error != NULL) {
        LOG(served->log, LOG_ERROR, "not reloaded, the old routes stay",
            log_text("error", error->message), log_text("detail", error->detail));
    }
    arena_release(&a);
}

static void apply_again(void *context, const void *options) {
    struct served *served = context;
    const struct serve_options *read = options;
    logger_set_level(served->log, read->process.log_level);
    served->drain_ms = read->process.drain_ms;
    listener_guard_set_stop_ms(served->parts->guard, stop_ms(served->drain_ms));
    runsd_set_options(served->parts->runsd, &read->server.runsd);
    take_changed(served, &read->gateway.options);
}

static void reload(struct served *served, int signal) {
    struct tls_source *tls = served->parts->tls;
    bool has_file = config_reload_run(served->reload);
    if (tls != NULL) {
        tls_source_reload(tls);
    } else if (!has_file) {
        LOG(served->log, LOG_INFO, "there is nothing to reload", log_int("signal", signal));
    }
}

// Takes a signal; returns whether it asks for a stop.
static bool take_signal(struct served *served, int signals_fd) {
    struct signalfd_siginfo taken;
    if (read(signals_fd, &taken, sizeof(taken)) != sizeof(taken)) {
        return false;
    }
    if (server_process_is_stop((int)taken.ssi_signo)) {
        LOG(served->log, LOG_INFO, "stopping", log_int("signal", taken.ssi_signo));
        return true;
    }
    service_manager_reloading();
    reload(served, (int)taken.ssi_signo);
    service_manager_ready();
    return false;
}

// Waits for a signal or for a part to fail; returns the exit code.
static int wait_for_end(struct served *served, int signals_fd) {
    struct pollfd ends[] = {{signals_fd, POLLIN, 0}, {served->parts->failed_fd, POLLIN, 0}};
    for (;;) {
        if (poll(ends, 2, -1) < 0 && errno == EINTR) {
            continue;
        }
        if (ends[1].revents != 0) {
            LOG(served->log, LOG_ERROR, "a part failed: stopping, so that a restart recovers it");
            return EXIT_CODE_FAILED;
        }
        if (ends[0].revents != 0 && take_signal(served, signals_fd)) {
            return EXIT_CODE_OK;
        }
    }
}

static struct config_reload *new_reload(const struct invocation *in, struct served *served) {
    const struct config_reload_options options = {
        .log = served->log,
        .line = in->line,
        .configuration = in->configuration,
        .options_size = sizeof(struct serve_options),
        .check = check_again,
        .apply = apply_again,
        .context = served,
    };
    return config_reload_new(&options);
}

static const struct error *finish_options(struct invocation *in, const struct logger *log,
                                          struct serve_options *ret_options) {
    *ret_options = *(const struct serve_options *)in->options;
    ret_options->gateway.options.web = true; // unless it is said
    const struct error *error = check_options(in->arena, ret_options);
    return error != NULL ? error : fit_connections(in->arena, log, ret_options);
}

static int complain(const struct invocation *in, const struct error *error) {
    return command_usage_error(in, "%s",
                               configuration_explain(in->arena, in->configuration, error)->message);
}

// Checks what a start would, but for what is taken while a server runs: addresses, the store.
static int check(struct invocation *in) {
    const struct logger log = {.fd = STDERR_FILENO, .level = LOG_WARN, .program = "runsctl"};
    struct serve_options options;
    const struct error *error = finish_options(in, &log, &options);
    if (error == NULL) {
        error = run_store_check_url(in->arena, "--store", options.server.runsd.store_url);
    }
    struct tls_source *tls = NULL;
    if (error == NULL) {
        error = tls_source_open(in->arena, &log, &options.tls, &tls);
    }
    tls_source_stop(tls);
    if (error != NULL) {
        return complain(in, error);
    }
    configuration_print(in->configuration, "runsctl");
    return EXIT_CODE_OK;
}

static int serve_logged(struct invocation *in, const sigset_t *signals, struct logger *log) {
    struct serve_options options;
    const struct error *error = finish_options(in, log, &options);
    if (error != NULL) {
        return complain(in, error);
    }
    int signals_fd = signalfd(-1, signals, SFD_CLOEXEC);
    struct parts parts = {.failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (signals_fd < 0 || parts.failed_fd < 0) {
        perror("runsctl: serve needs two file descriptors; raise ulimit -n");
        return EXIT_CODE_FAILED;
    }
    sandbox_enter(log, options.process.sandbox == PROCESS_SANDBOX_ON, &parts.sandbox);
    rpc_log_redirect(log);
    struct memory_keeper *keeper = memory_keeper_start();
    // Where nobody can look, nothing is counted.
    parts.metrics = options.admin.text != NULL ? metrics_new() : NULL;
    struct process_metrics *process = process_metrics_start(parts.metrics, log);
    parts.guard = new_guard(log, &parts, options.process.drain_ms);
    parts.watchdog = watchdog_start(log);
    struct served served = {.log = log, .parts = &parts, .drain_ms = options.process.drain_ms};
    served.reload = new_reload(in, &served);
    int code;
    error = start(in->arena, log, &parts, &options);
    if (error != NULL) {
        if (error->detail != NULL) {
            LOG(log, LOG_ERROR, error->message, log_text("detail", error->detail));
        }
        code = command_error(in, configuration_explain(in->arena, in->configuration, error),
                             "nothing was started");
    } else {
        log_serving(in->arena, log, &parts, &options);
        admin_set_stage(parts.admin, ADMIN_SERVING);
        watch_loops(&parts);
        service_manager_ready();
        code = wait_for_end(&served, signals_fd);
        service_manager_stopping(stop_ms(served.drain_ms));
    }
    stop(&parts, served.drain_ms);
    config_reload_free(served.reload);
    process_metrics_stop(process);
    metrics_free(parts.metrics);
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
    const struct serve_options *options = in->options;
    if (in->configuration->is_check) {
        return check(in);
    }
    // Before any thread is made, so that all of them leave the signals to us.
    sigset_t signals;
    server_process_prepare(&signals);
    struct logger log;
    server_log_start(options->process.log_level, options->process.log_format, "runsctl", &log);
    int code = serve_logged(in, &signals, &log);
    server_log_stop(&log);
    return code;
}

const struct command serve_command = {
    .name = "serve",
    .place = 100,
    .operands = "",
    .summary = "Serves REST and gRPC from one process; ends with SIGTERM or Ctrl-C.",
    .details = "SIGHUP reads the file of --config and the certificates again; what is bad is not\n"
               "taken, and the old ones stay.\n"
               "Logs to standard error; \"serving\" says that it is ready.\n"
               "gRPC on a network: see docs/ARCHITECTURE.md, \"Security\", first.\n",
    .tables = tables,
    .options_size = sizeof(struct serve_options),
    .section = "runsctl serve",
    .run = serve,
};
