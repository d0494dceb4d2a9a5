#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/admin_flags.h"
#include "admin/admin_sandbox.h"
#include "base/cli/command_line.h"
#include "base/cli/config_reload.h"
#include "base/cli/error_print.h"
#include "base/cli/process_options.h"
#include "base/cli/standard_files.h"
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
#include "rpc/credentials.h"
#include "rpc/log.h"
#include "rpc/loop_ping.h"
#include "server/demo_token.h"
#include "server/libraries.h"
#include "server/options.h"
#include "server/readiness.h"
#include "server/runsd.h"
#include "storage/backends.h"
#include "storage/store_opener.h"

// runsd: the run-control server alone.

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, MOST_LISTENERS = 16 };

// How long after the drain the listener guard ends a process that has not stopped.
enum { STOP_MS = 10000 };

// What the command line says.
struct flags {
    struct cli_list listen;
    struct server_options server;
    struct admin_flags admin;
    struct tls_options tls;
    struct trace_options trace;
    struct process_options process;
};

static const struct cli_option rows[] = {
    {.name = "--listen",
     .value = "ADDR",
     CLI_LIST_AT(struct flags, listen),
     .most = MOST_LISTENERS,
     .default_help = RUNSD_DEFAULT_ADDRESS " and unix:PATH.sock",
     .help = "HOST:PORT, unix:PATH or systemd:NAME"},
    {.name = "--store",
     .value = "URL",
     CLI_TEXT_AT(struct flags, server.runsd.store_url),
     .fallback = STORE_DEFAULT_URL,
     .help = STORE_URLS},
    {.name = "--max-buffered-bytes",
     .value = "N",
     CLI_NUMBER_AT(struct flags, server.runsd.max_buffered_bytes),
     .least = RUNSD_LEAST_BUFFERED_BYTES,
     .most = INT64_C(1) << 40,
     .fallback_number = RPC_DEFAULT_MAX_BUFFERED_BYTES,
     .help = "of requests and replies at once; more: RESOURCE_EXHAUSTED"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {rows, 0},
    {server_options_rows, offsetof(struct flags, server)},
    {admin_flags_rows, offsetof(struct flags, admin)},
    {tls_options_rows, offsetof(struct flags, tls)},
    {trace_options_rows, offsetof(struct flags, trace)},
    {process_options_rows, offsetof(struct flags, process)},
    {NULL, 0},
};

static const struct command_line command_line = {
    .program = "runsd",
    .section = "runsd",
    .add_libraries = runsd_libraries_add,
    .operands = "",
    .summary = "Serves runs.v1.RunsService and TokensService over gRPC until SIGTERM.",
    .details = "SIGHUP reads the file of --config and the certificates again; what is bad is not\n"
               "taken, and the old ones stay.\n",
    .tables = tables,
    .footer = "Logs to standard error. Exit status: 0 stopped by a signal, 1 could\n"
              "not start or must be restarted, 2 wrong usage.\n",
};

static void on_failure(void *context) {
    atomic_store((atomic_bool *)context, true);
    kill(getpid(), SIGTERM);
}

static void wait_for_stop(const struct logger *log, struct tls_source *tls,
                          struct config_reload *reload, const sigset_t *signals) {
    int number;
    while (sigwait(signals, &number) == 0 && !server_process_is_stop(number)) {
        service_manager_reloading();
        bool has_file = config_reload_run(reload);
        if (tls != NULL) {
            tls_source_reload(tls);
        } else if (!has_file) {
            LOG(log, LOG_INFO, "there is nothing to reload", log_int("signal", number));
        }
        service_manager_ready();
    }
    LOG(log, LOG_INFO, "stopping", log_int("signal", number));
}

static const struct error *read_flags(struct arena *a, struct flags *flags) {
    struct server_options *server = &flags->server;
    const struct error *error = server_options_finish(a, server, "--listen", &flags->listen);
    if (error == NULL) {
        error = admin_flags_finish(a, &flags->admin);
    }
    if (error == NULL) {
        error = tls_options_check(a, &flags->tls);
    }
    if (error == NULL) {
        error = trace_options_finish(a, &flags->trace);
    }
    server->runsd.client_auth = tls_options_client_auth(&flags->tls);
    server->runsd.drain_ms = flags->process.drain_ms;
    return error;
}

static const struct error *fit_connections(struct arena *a, const struct logger *log,
                                           struct server_options *server) {
    const struct error *error = descriptor_limit_apply(a, log, &server->connections, 1);
    server->runsd.max_connections = (int)server->connections.connections;
    return error;
}

// What a reload may change.
struct live {
    struct logger *log;
    struct runsd *runsd;
    struct listener_guard *guard;
    int64_t stop_ms;
};

static const struct error *check_again(void *context, struct arena *a, void *options) {
    (void)context;
    return read_flags(a, options);
}

static void apply_again(void *context, const void *options) {
    struct live *live = context;
    const struct flags *flags = options;
    logger_set_level(live->log, flags->process.log_level);
    live->stop_ms = flags->process.drain_ms + STOP_MS;
    listener_guard_set_stop_ms(live->guard, live->stop_ms);
    runsd_set_options(live->runsd, &flags->server.runsd);
}

static struct config_reload *new_reload(const struct configuration *configuration,
                                        struct live *live) {
    const struct config_reload_options options = {
        .log = live->log,
        .line = &command_line,
        .configuration = configuration,
        .options_size = sizeof(struct flags),
        .check = check_again,
        .apply = apply_again,
        .context = live,
    };
    return config_reload_new(&options);
}

static const struct error *check_listeners(struct arena *a, struct flags *flags) {
    struct runsd_options *options = &flags->server.runsd;
    struct listen_place places[MOST_LISTENERS + 1];
    size_t count = 0;
    for (size_t i = 0; i < options->listen_count; i++) {
        // The socket beside the store, which nobody asked for: what is wrong is the store's to say.
        if (flags->listen.count > 0 || options->listen[i].kind != ADDRESS_UNIX) {
            places[count++] = (struct listen_place){"--listen", &options->listen[i]};
        }
    }
    if (flags->admin.text != NULL) {
        places[count++] = (struct listen_place){"--admin", &flags->admin.listen};
    }
    return listen_check(a, places, count);
}

static int complain(struct arena *a, const struct configuration *configuration,
                    const struct error *error) {
    command_line_complain(&command_line, "%s",
                          configuration_explain(a, configuration, error)->message);
    return EXIT_USAGE;
}

// Checks what a start would, but for what is taken while a server runs: addresses, the store.
static int check(struct arena *a, struct flags *flags, const struct configuration *configuration) {
    const struct logger log = {.fd = STDERR_FILENO, .level = LOG_WARN, .program = "runsd"};
    const struct error *error = read_flags(a, flags);
    if (error == NULL) {
        error = fit_connections(a, &log, &flags->server);
    }
    if (error == NULL) {
        error = run_store_check_url(a, "--store", flags->server.runsd.store_url);
    }
    struct tls_source *tls = NULL;
    if (error == NULL) {
        error = tls_source_open(a, &log, &flags->tls, &tls);
    }
    tls_source_stop(tls);
    if (error != NULL) {
        return complain(a, configuration, error);
    }
    configuration_print(configuration, "runsd");
    return standard_output_finish() == NULL ? EXIT_OK : EXIT_FAILED;
}

static int serve_logged(struct arena *a, struct flags *flags,
                        const struct configuration *configuration, const sigset_t *signals,
                        struct logger *log) {
    const struct error *error = read_flags(a, flags);
    if (error == NULL) {
        error = fit_connections(a, log, &flags->server);
    }
    if (error != NULL) {
        return complain(a, configuration, error);
    }
    struct sandbox sandbox;
    sandbox_enter(log, flags->process.sandbox == PROCESS_SANDBOX_ON, &sandbox);
    atomic_bool failed = false;
    struct runsd_options server = flags->server.runsd;
    server.log = log;
    server.clock = &clock_system;
    server.on_failure = on_failure;
    server.context = &failed;
    const struct listener_guard_options guard = {
        .log = log,
        .on_deaf = on_failure,
        .context = &failed,
        .stop_ms = server.drain_ms + STOP_MS,
    };
    server.guard = listener_guard_new(&guard);
    // Where nobody can look, nothing is counted.
    server.metrics = flags->admin.text != NULL ? metrics_new() : NULL;
    struct process_metrics *process = process_metrics_start(server.metrics, log);
    rpc_log_redirect(log);
    struct memory_keeper *keeper = memory_keeper_start();
    struct watchdog *watchdog = watchdog_start(log);
    struct rpc_loop_ping ping;
    struct runsd *runsd = NULL;
    const struct admin_options admin_options = {
        .log = log,
        .program = "runsd",
        .listen = flags->admin.listen,
        .metrics = server.metrics,
        .add_libraries = runsd_libraries_add,
        .guard = server.guard,
    };
    struct admin *admin = NULL;
    error = tls_source_open(a, log, &flags->tls, &server.tls);
    tls_source_add_metrics(server.tls, server.metrics);
    if (error == NULL) {
        error = check_listeners(a, flags);
    }
    if (error == NULL) {
        error = tracer_start(a, log, "runsd", &flags->trace.settings, &server.tracer);
    }
    if (error == NULL) {
        error = admin_start(a, &admin_options, &admin);
    }
    if (error == NULL) {
        error = runsd_start(a, &server, &runsd);
    }
    if (error == NULL) {
        error = demo_token_offer(a, runsd, &flags->server, log);
    }
    if (error == NULL) {
        readiness_add(admin, runsd, server.guard);
        admin_add_sandbox(admin, &sandbox);
        admin_set_stage(admin, ADMIN_SERVING);
        runsd_log_ready(a, runsd, &server);
        rpc_loop_ping_add(&ping, watchdog, "gRPC", runsd_loop(runsd));
        service_manager_ready();
        struct live live = {log, runsd, server.guard, guard.stop_ms};
        struct config_reload *reload = new_reload(configuration, &live);
        wait_for_stop(log, server.tls, reload, signals);
        config_reload_free(reload);
        service_manager_stopping(live.stop_ms);
        watchdog_stop_asking(watchdog);
        admin_set_stage(admin, ADMIN_STOPPING);
        readiness_remove(admin, runsd, server.guard);
    }
    runsd_stop(runsd);
    watchdog_free(watchdog);
    tracer_stop(server.tracer);
    admin_stop(admin);
    tls_source_stop(server.tls);
    listener_guard_free(server.guard);
    process_metrics_stop(process);
    metrics_free(server.metrics);
    memory_keeper_stop(keeper);
    if (error != NULL) {
        error_print("runsd", configuration_explain(a, configuration, error));
        rpc_log_redirect(NULL);
        return error->code == STATUS_INVALID_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
    }
    LOG(log, LOG_INFO, "stopped");
    rpc_log_redirect(NULL);
    return atomic_load(&failed) ? EXIT_FAILED : EXIT_OK;
}

static int serve(struct arena *a, void *options, const struct configuration *configuration) {
    struct flags *flags = options;
    if (configuration->is_check) {
        return check(a, flags, configuration);
    }
    // Before any thread is started, so that all of them have the signals blocked.
    sigset_t signals;
    server_process_prepare(&signals);
    rpc_credentials_prepare();
    struct logger log;
    server_log_start(flags->process.log_level, flags->process.log_format, "runsd", &log);
    int status = serve_logged(a, flags, configuration, &signals, &log);
    server_log_stop(&log);
    return status;
}

int main(int argc, char **argv) {
    struct flags flags = {0};
    return command_line_main(&command_line, argc, argv, &flags, serve);
}
