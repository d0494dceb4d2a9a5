#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "admin/admin.h"
#include "admin/admin_flags.h"
#include "admin/admin_sandbox.h"
#include "base/cli/command_line.h"
#include "base/cli/config_reload.h"
#include "base/cli/error_print.h"
#include "base/cli/process_options.h"
#include "base/cli/standard_files.h"
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
#include "gateway/descriptor_source.h"
#include "gateway/flags.h"
#include "gateway/gateway.h"
#include "gateway/libraries.h"
#include "gateway/upstream_look.h"
#include "rpc/balancer.h"
#include "rpc/log.h"
#include "rpc/loop.h"
#include "rpc/loop_ping.h"
#include "rpc/remote.h"

// runs-gateway: the REST front alone.

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    MOST_DESCRIPTOR_SETS = 16,
    MAX_REPLY_BYTES = 16 << 20,
    RETRY_S = 1,
    // How long after the drain the listener's guard ends a process that does not stop.
    STOP_MS = 10000,
};

#define PROGRAM "runs-gateway"

// The values of the command line.
struct flags {
    const char *listen;
    struct cli_list upstreams;
    const char *upstream_ca;
    const char *upstream_cert;
    const char *upstream_key;
    const char *upstream_server_name;
    struct cli_list descriptors;
    bool reflect;
    bool prints_openapi;
    struct gateway_flags gateway;
    struct admin_flags admin;
    struct tls_options tls;
    struct trace_options trace;
    struct process_options process;
};

static const struct cli_option rows[] = {
    {.name = "--listen",
     .value = "ADDR",
     CLI_TEXT_AT(struct flags, listen),
     .fallback = "127.0.0.1:8080",
     .help = "HOST:PORT, unix:PATH or systemd:NAME"},
    {.name = "--upstream",
     .value = "ADDR",
     CLI_LIST_AT(struct flags, upstreams),
     .most = RPC_MOST_SERVERS,
     .default_help = "unix:runsd.sock",
     .help = "of a gRPC server; tls:HOST:PORT for one that speaks TLS, dns:NAME:PORT for "
             "all addresses of a name; several share the calls"},
    {.name = "--upstream-ca",
     .value = "FILE",
     CLI_TEXT_AT(struct flags, upstream_ca),
     .default_help = "the system's",
     .help = "PEM: the authorities by which its certificate is verified"},
    {.name = "--upstream-cert",
     .value = "FILE",
     CLI_TEXT_AT(struct flags, upstream_cert),
     .help = "PEM: the certificate that it is shown, and the chain behind it"},
    {.name = "--upstream-key",
     .value = "FILE",
     CLI_TEXT_AT(struct flags, upstream_key),
     .help = "PEM: its private key, without a passphrase"},
    {.name = "--upstream-server-name",
     .value = "NAME",
     CLI_TEXT_AT(struct flags, upstream_server_name),
     .default_help = "the host of each --upstream",
     .help = "whom its certificate must be for"},
    {.name = "--descriptors",
     .value = "FILE",
     CLI_LIST_AT(struct flags, descriptors),
     .most = MOST_DESCRIPTOR_SETS,
     .default_help = "runs.v1",
     .help = "a serialized FileDescriptorSet with google.api.http "
             "annotations; several are merged"},
    {.name = "--reflect",
     CLI_FLAG_AT(struct flags, reflect),
     .help = "asks the gRPC server for its descriptors instead"},
    {.name = "--unbound-methods",
     .reload = true,
     CLI_FLAG_AT(struct flags, gateway.options.unbound_methods),
     .help = "serves methods without annotation, too, as "
             "POST /package.Service/Method"},
    {.name = "--print-openapi",
     CLI_FLAG_AT(struct flags, prints_openapi),
     .help = "prints the OpenAPI document of /openapi.json "
             "and ends, without serving"},
    {.name = NULL},
};

static const struct cli_table tables[] = {
    {rows, 0},
    {gateway_flags_rows, offsetof(struct flags, gateway)},
    {admin_flags_rows, offsetof(struct flags, admin)},
    {tls_options_rows, offsetof(struct flags, tls)},
    {trace_options_rows, offsetof(struct flags, trace)},
    {process_options_rows, offsetof(struct flags, process)},
    {NULL, 0},
};

static const struct command_line command_line = {
    .program = PROGRAM,
    .section = PROGRAM,
    .add_libraries = gateway_libraries_add,
    .operands = "",
    .summary = "Serves a gRPC server's methods as HTTP/JSON until SIGTERM.",
    .details = "SIGHUP reads the file of --config, the descriptors and the certificates again;\n"
               "what is bad is not taken, and the old ones stay.\n",
    .tables = tables,
    .footer = "Logs to standard error. Exit status: 0 stopped by a signal, 1 could\n"
              "not start or must be restarted, 2 wrong usage.\n",
};

// A gateway's run, from the start to the stop.
struct program {
    const struct logger *log;
    struct gateway_options options;
    struct rpc_remotes upstreams;
    struct address admin_listen; // without a text: nowhere
    struct admin *admin;
    struct descriptor_source source;
    struct tls_options tls;
    const struct trace_settings *trace;
    bool reflect;
    bool prints; // the OpenAPI document, and serves nothing
    int64_t drain_ms;
    struct logger *level_log; // log, whose level a reload may change
    struct config_reload *config;
    const struct gateway_options *changed; // by a reload, and not taken yet; NULL: nothing has
    struct sandbox sandbox;
    sigset_t signals;
    struct gateway *gateway;
    struct watchdog *watchdog;
    struct rpc_loop_ping pings[2];
    atomic_bool must_restart; // the listener is deaf
};

static const struct error *open_upstreams(struct arena *a, const struct flags *flags,
                                          struct program *p) {
    static const char *const none[] = {"unix:runsd.sock"};
    bool has_any = flags->upstreams.count > 0;
    const struct rpc_remote_options options = {
        .log = p->log,
        .address = {.option = "--upstream"},
        .ca = {"--upstream-ca", flags->upstream_ca},
        .cert = {"--upstream-cert", flags->upstream_cert},
        .key = {"--upstream-key", flags->upstream_key},
        .server_name = {"--upstream-server-name", flags->upstream_server_name},
    };
    return rpc_remotes_open(a, &options, has_any ? flags->upstreams.items : none,
                            has_any ? flags->upstreams.count : 1, &p->upstreams);
}

// What needs nothing but the flags themselves.
static const struct error *check_flags(struct arena *a, struct flags *flags) {
    if (flags->reflect && flags->descriptors.count > 0) {
        return error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                         "--reflect and --descriptors exclude each other");
    }
    const struct error *error =
        address_parse_listener(a, "--listen", flags->listen, &flags->gateway.options.listen);
    if (error == NULL) {
        error = gateway_flags_finish(a, &flags->gateway);
    }
    if (error == NULL) {
        error = admin_flags_finish(a, &flags->admin);
    }
    if (error == NULL) {
        error = tls_options_check(a, &flags->tls);
    }
    if (error == NULL) {
        error = trace_options_finish(a, &flags->trace);
    }
    return error;
}

static const struct error *read_flags(struct arena *a, struct flags *flags, struct program *p) {
    const struct error *error = check_flags(a, flags);
    if (error == NULL) {
        error = open_upstreams(a, flags, p);
    }
    if (error == NULL) {
        error = descriptor_limit_apply(a, p->log, &flags->gateway.connections, 1);
    }
    p->admin_listen = flags->admin.listen;
    p->options = flags->gateway.options;
    p->options.log = p->log;
    p->options.client_auth = tls_options_client_auth(&flags->tls);
    p->tls = flags->tls;
    p->trace = &flags->trace.settings;
    p->options.limits.connections = (int)flags->gateway.connections.connections;
    p->source.files = flags->descriptors.items;
    p->source.file_count = flags->descriptors.count;
    p->reflect = flags->reflect;
    p->prints = flags->prints_openapi;
    p->drain_ms = flags->process.drain_ms;
    return error;
}

// --- start ---

// Whether the error may go away by itself, so that asking the upstream again is worthwhile.
static bool may_pass(const struct error *error) {
    return error->code == STATUS_UNAVAILABLE || error->code == STATUS_DEADLINE_EXCEEDED ||
           error->code == STATUS_RESOURCE_EXHAUSTED;
}

// Waits a moment; returns the signal if one that asks for a stop arrives, else 0.
static int pause_before_retry(const struct program *p) {
    const struct timespec time = {.tv_sec = RETRY_S};
    int number = sigtimedwait(&p->signals, NULL, &time);
    return number > 0 && server_process_is_stop(number) ? number : 0;
}

static const char *upstream_name(const struct program *p) {
    return p->upstreams.count == 1 ? p->upstreams.items[0].address.text : "any of several";
}

// Reads the descriptors; retries while the upstream is unreachable. Returns false, with
// *ret_error NULL, if a signal asks for a stop meanwhile.
static bool read_descriptors(struct arena *a, struct program *p, const struct error **ret_error) {
    for (;;) {
        *ret_error = descriptor_source_read(a, &p->source, &p->options.descriptor_sets,
                                            &p->options.descriptor_set_count);
        if (*ret_error == NULL) {
            return true;
        }
        bool stopped = (*ret_error)->code == STATUS_CANCELLED && server_process_stop_pending();
        bool waits = p->source.reflect != NULL && !p->prints && may_pass(*ret_error);
        if (!stopped && !waits) {
            return false;
        }
        if (!stopped) {
            LOG(p->log, LOG_WARN, "the upstream's descriptors cannot be read yet: trying again",
                log_text("upstream", upstream_name(p)), log_text("error", (*ret_error)->message),
                log_text("detail", (*ret_error)->detail));
        }
        *ret_error = NULL;
        int number = pause_before_retry(p);
        if (number != 0) {
            LOG(p->log, LOG_INFO, "stopping", log_int("signal", number));
            return false;
        }
        arena_reset(a);
    }
}

// --- reload and stop ---

static void log_refusal(const struct program *p, const struct error *error) {
    LOG(p->log, LOG_ERROR, "not reloaded, the old routes stay", log_text("error", error->message),
        log_text("detail", error->detail));
}

static void reload_routes(struct program *p) {
    struct arena a;
    arena_init(&a);
    const struct slice *sets;
    size_t count;
    size_t routes;
    const struct error *error = descriptor_source_read(&a, &p->source, &sets, &count);
    if (error == NULL) {
        error = gateway_reload(p->gateway, &a, p->changed, sets, count, &routes);
        error = error == NULL ? NULL : descriptor_source_explain(&a, &p->source, error);
    }
    if (error != NULL) {
        log_refusal(p, error);
    } else {
        LOG(p->log, LOG_INFO, "reloaded", log_int("routes", (int64_t)routes));
        p->changed = NULL;
    }
    arena_release(&a);
}

// Of options that were read again. The upstream is not opened: which it is cannot change.
static const struct error *check_again(void *context, struct arena *a, void *options) {
    (void)context;
    return check_flags(a, options);
}

static void apply_again(void *context, const void *options) {
    struct program *p = context;
    const struct flags *flags = options;
    logger_set_level(p->level_log, flags->process.log_level);
    p->drain_ms = flags->process.drain_ms;
    listener_guard_set_stop_ms(p->options.guard, p->drain_ms + STOP_MS);
    p->changed = &flags->gateway.options;
}

static struct config_reload *new_reload(const struct configuration *configuration,
                                        struct program *p) {
    const struct config_reload_options options = {
        .log = p->log,
        .line = &command_line,
        .configuration = configuration,
        .options_size = sizeof(struct flags),
        .check = check_again,
        .apply = apply_again,
        .context = p,
    };
    return config_reload_new(&options);
}

static void reload(struct program *p) {
    bool has_file = config_reload_run(p->config);
    bool has_other_routes = p->changed != NULL || descriptor_source_can_change(&p->source);
    if (!has_file && !has_other_routes && p->options.tls == NULL && p->upstreams.source == NULL) {
        LOG(p->log, LOG_INFO, "there is nothing to reload: the descriptors are built in");
    }
    if (has_other_routes) {
        reload_routes(p);
    }
    if (p->options.tls != NULL) {
        tls_source_reload(p->options.tls);
    }
    if (p->upstreams.source != NULL) {
        tls_source_reload(p->upstreams.source);
    }
}

static int64_t stop_ms(const struct program *p) {
    return p->drain_ms + STOP_MS;
}

static void run(struct program *p) {
    int number;
    service_manager_ready();
    while (sigwait(&p->signals, &number) == 0 && !server_process_is_stop(number)) {
        service_manager_reloading();
        reload(p);
        service_manager_ready();
    }
    LOG(p->log, LOG_INFO, "stopping", log_int("signal", number));
    service_manager_stopping(stop_ms(p));
    watchdog_stop_asking(p->watchdog);
    admin_set_stage(p->admin, ADMIN_STOPPING);
    gateway_stop(p->gateway, p->drain_ms);
}

static void on_deaf(void *context) {
    atomic_store(&((struct program *)context)->must_restart, true);
    kill(getpid(), SIGTERM);
}

static struct listener_guard *new_guard(struct program *p) {
    const struct listener_guard_options options = {
        .log = p->log,
        .on_deaf = on_deaf,
        .context = p,
        .stop_ms = stop_ms(p),
    };
    return listener_guard_new(&options);
}

// Prints the document to standard output.
static const struct error *print_openapi(struct arena *a, const struct program *p) {
    struct strbuf document = STRBUF_INIT;
    const struct error *error = gateway_print_openapi(a, &p->options, &document);
    if (error == NULL) {
        fwrite(document.data, 1, document.len, stdout);
        const char *why = standard_output_finish();
        if (why != NULL) {
            error = error_new(a, STATUS_UNAVAILABLE, REASON_NONE, "standard output: %s", why);
        }
    }
    strbuf_release(&document);
    return error;
}

static const struct error *check_listeners(struct arena *a, struct program *p) {
    const struct listen_place places[] = {
        {"--listen", &p->options.listen},
        {"--admin", &p->admin_listen},
    };
    return listen_check(a, places, p->admin_listen.text != NULL ? 2 : 1);
}

// Before the gateway, which may wait for its upstream.
static const struct error *start_admin(struct arena *a, struct program *p) {
    const struct admin_options options = {
        .log = p->log,
        .program = PROGRAM,
        .listen = p->admin_listen,
        .metrics = p->options.metrics,
        .add_libraries = gateway_libraries_add,
        .guard = p->options.guard,
    };
    return admin_start(a, &options, &p->admin);
}

// A single server is called as it is: only of several is one to be chosen.
static struct rpc_channel *connect_upstreams(const struct program *p, struct rpc_loop *loop) {
    const struct rpc_remote *first = &p->upstreams.items[0];
    if (p->upstreams.count == 1 && !first->is_name) {
        const struct rpc_channel_options one = {
            .address = &first->address,
            .credentials = first->credentials,
            .max_reply_bytes = MAX_REPLY_BYTES,
        };
        return rpc_channel_new(loop, &one);
    }
    const struct rpc_balancer_options several = {
        .log = p->log,
        .metrics = p->options.metrics,
        .servers = p->upstreams.items,
        .server_count = p->upstreams.count,
        .max_reply_bytes = MAX_REPLY_BYTES,
    };
    return rpc_channel_new_balanced(loop, &several);
}

// Serves until a signal, and closes what was opened for it, the upstream too; returns the exit
// status.
static int serve(struct program *p) {
    p->options.guard = new_guard(p);
    p->watchdog = watchdog_start(p->log);
    // Where nobody can look, nothing is counted.
    p->options.metrics = p->admin_listen.text != NULL ? metrics_new() : NULL;
    struct process_metrics *process = process_metrics_start(p->options.metrics, p->log);
    struct rpc_loop *loop = rpc_loop_new("gateway-rpc");
    p->options.upstream = connect_upstreams(p, loop);
    p->source.reflect = p->reflect ? p->options.upstream : NULL;
    struct arena a; // of the descriptors, which the gateway copies
    arena_init(&a);
    const struct error *error = p->prints ? NULL : check_listeners(&a, p);
    bool is_usage = error != NULL && error->code == STATUS_INVALID_ARGUMENT;
    if (error == NULL && !p->prints) {
        error = tls_source_open(&a, p->log, &p->tls, &p->options.tls);
        struct tls_source *const sources[] = {p->options.tls, p->upstreams.source};
        tls_sources_add_metrics(sources, 2, p->options.metrics);
    }
    if (error == NULL && !p->prints) {
        error = tracer_start(&a, p->log, PROGRAM, p->trace, &p->options.tracer);
    }
    if (error == NULL && !p->prints) {
        error = start_admin(&a, p);
    }
    if (error == NULL && read_descriptors(&a, p, &error)) {
        error = p->prints ? print_openapi(&a, p) : gateway_start(&a, &p->options, &p->gateway);
        if (error != NULL && error->code == STATUS_INVALID_ARGUMENT) {
            error = descriptor_source_explain(&a, &p->source, error);
        }
    }
    if (error != NULL) {
        error_print(PROGRAM, error);
    }
    int status = is_usage ? EXIT_USAGE : error != NULL ? EXIT_FAILED : EXIT_OK;
    arena_release(&a);
    if (p->gateway != NULL) {
        rpc_loop_ping_add(&p->pings[0], p->watchdog, "HTTP", gateway_loop(p->gateway));
        rpc_loop_ping_add(&p->pings[1], p->watchdog, "upstream", loop);
        struct upstream_look *look = upstream_look_start(p->admin, p->options.upstream);
        admin_add_sandbox(p->admin, &p->sandbox);
        admin_set_stage(p->admin, ADMIN_SERVING);
        run(p);
        upstream_look_stop(look);
    }
    tracer_stop(p->options.tracer);
    admin_stop(p->admin);
    rpc_channel_free(p->options.upstream);
    rpc_loop_free(loop);
    watchdog_free(p->watchdog);
    listener_guard_free(p->options.guard);
    tls_source_stop(p->options.tls);
    rpc_remotes_close(&p->upstreams);
    process_metrics_stop(process);
    metrics_free(p->options.metrics);
    if (status == EXIT_OK && !p->prints) {
        LOG(p->log, LOG_INFO, "stopped");
    }
    return atomic_load(&p->must_restart) ? EXIT_FAILED : status;
}

static int complain(struct arena *a, const struct configuration *configuration,
                    const struct error *error) {
    command_line_complain(&command_line, "%s",
                          configuration_explain(a, configuration, error)->message);
    return EXIT_USAGE;
}

// Checks what a start would, but for what is taken while a gateway runs, its addresses, and what
// the upstream would have to be asked for.
static int check(struct arena *a, struct flags *flags, const struct configuration *configuration) {
    const struct logger log = {.fd = STDERR_FILENO, .level = LOG_WARN, .program = PROGRAM};
    struct program p = {.log = &log, .source = {.log = &log}};
    const struct error *error = read_flags(a, flags, &p);
    if (error == NULL) {
        error = tls_source_open(a, &log, &p.tls, &p.options.tls);
    }
    if (error == NULL && !p.reflect) {
        error = descriptor_source_read(a, &p.source, &p.options.descriptor_sets,
                                       &p.options.descriptor_set_count);
    }
    struct strbuf document = STRBUF_INIT;
    if (error == NULL && !p.reflect) {
        error = gateway_print_openapi(a, &p.options, &document);
        error = error == NULL ? NULL : descriptor_source_explain(a, &p.source, error);
    }
    strbuf_release(&document);
    tls_source_stop(p.options.tls);
    rpc_remotes_close(&p.upstreams);
    if (error != NULL) {
        return complain(a, configuration, error);
    }
    configuration_print(configuration, PROGRAM);
    return standard_output_finish() == NULL ? EXIT_OK : EXIT_FAILED;
}

static int run_logged(struct arena *a, struct flags *flags,
                      const struct configuration *configuration, const sigset_t *signals,
                      struct logger *log) {
    struct program p = {.log = log, .level_log = log, .source = {.log = log}, .signals = *signals};
    const struct error *error = read_flags(a, flags, &p);
    if (error != NULL) {
        rpc_remotes_close(&p.upstreams);
        return complain(a, configuration, error);
    }
    p.config = new_reload(configuration, &p);
    if (!p.prints) {
        sandbox_enter(log, flags->process.sandbox == PROCESS_SANDBOX_ON, &p.sandbox);
    }
    rpc_log_redirect(log);
    struct memory_keeper *keeper = memory_keeper_start();
    int status = serve(&p);
    memory_keeper_stop(keeper);
    config_reload_free(p.config);
    rpc_log_redirect(NULL);
    return status;
}

static int run_program(struct arena *a, void *options, const struct configuration *configuration) {
    struct flags *flags = options;
    if (configuration->is_check) {
        rpc_credentials_prepare();
        return check(a, flags, configuration);
    }
    // Before any thread is made, so that all of them leave the signals to us.
    sigset_t signals;
    server_process_prepare(&signals);
    rpc_credentials_prepare();
    struct logger log;
    server_log_start(flags->process.log_level, flags->process.log_format, PROGRAM, &log);
    int status = run_logged(a, flags, configuration, &signals, &log);
    server_log_stop(&log);
    return status;
}

int main(int argc, char **argv) {
    struct flags flags = {0};
    return command_line_main(&command_line, argc, argv, &flags, run_program);
}
