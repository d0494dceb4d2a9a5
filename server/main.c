#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/cli/command_line.h"
#include "base/cli/error_print.h"
#include "base/core/clock.h"
#include "base/core/version.h"
#include "base/log/server_log.h"
#include "base/net/listener_guard.h"
#include "base/process/descriptor_limit.h"
#include "base/process/memory_keeper.h"
#include "base/process/server_process.h"
#include "rpc/log.h"
#include "server/runsd.h"
#include "storage/backends.h"

// runsd: the run-control server alone.

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, MOST_LISTENERS = 16 };

// How long after the drain the listener guard ends a process that has not stopped.
enum { STOP_MS = 10000 };

enum {
    FLAG_LISTEN,
    FLAG_STORE,
    FLAG_MAX_REQUEST,
    FLAG_MAX_BUFFERED,
    FLAG_MAX_CONNECTIONS,
    FLAG_QUEUE_LIMIT,
    FLAG_DRAIN,
    FLAG_LOG_LEVEL,
    FLAG_COUNT,
};

static const struct option options[FLAG_COUNT] = {
    [FLAG_LISTEN] = {.name = "--listen",
                     .kind = OPTION_LIST,
                     .value = "ADDR",
                     .maximum = MOST_LISTENERS,
                     .help =
                         "HOST:PORT or unix:PATH [" RUNSD_DEFAULT_ADDRESS " and unix:PATH.sock]"},
    [FLAG_STORE] = {.name = "--store",
                    .kind = OPTION_TEXT,
                    .value = "URL",
                    .help = STORE_URLS " [" STORE_DEFAULT_URL "]"},
    [FLAG_MAX_REQUEST] = {.name = "--max-request-bytes",
                          .kind = OPTION_NUMBER,
                          .value = "N",
                          .minimum = 1024,
                          .maximum = 1 << 30,
                          .help = "of a request message [4194304]"},
    [FLAG_MAX_BUFFERED] = {.name = "--max-buffered-bytes",
                           .kind = OPTION_NUMBER,
                           .value = "N",
                           .minimum = RUNSD_LEAST_BUFFERED_BYTES,
                           .maximum = INT64_C(1) << 40,
                           .help = "of requests and replies at once; more: RESOURCE_EXHAUSTED\n"
                                   "[268435456]"},
    [FLAG_MAX_CONNECTIONS] = {.name = "--max-grpc-connections",
                              .kind = OPTION_NUMBER,
                              .value = "N",
                              .minimum = 1,
                              .maximum = 1000000,
                              .help = "open at once; more are closed [1024, or what fits\n"
                                      "the limit of open files]"},
    [FLAG_QUEUE_LIMIT] = {.name = "--queue-limit",
                          .kind = OPTION_NUMBER,
                          .value = "N",
                          .minimum = 1,
                          .maximum = 10000000,
                          .help = "operations that wait for the store [16384]"},
    [FLAG_DRAIN] = {.name = "--drain-ms",
                    .kind = OPTION_NUMBER,
                    .value = "N",
                    .minimum = 0,
                    .maximum = 3600000,
                    .help = "how long calls may take to end at a stop [10000]"},
    [FLAG_LOG_LEVEL] = {.name = "--log-level",
                        .kind = OPTION_CHOICE,
                        .value = "LEVEL",
                        .help = "debug, info, warn or error [info]",
                        .words = log_level_names},
};

static const struct command_line command_line = {
    .program = "runsd",
    .version = RUNSD_VERSION,
    .operands = "",
    .summary = "Serves runs.v1.RunsService and TokensService over gRPC until SIGTERM.",
    .options = options,
    .option_count = FLAG_COUNT,
    .footer = "Logs JSON lines to standard error. Exit status: 0 stopped by a signal, 1 could\n"
              "not start or must be restarted, 2 wrong usage.\n",
};

static void on_failure(void *context) {
    atomic_store((atomic_bool *)context, true);
    kill(getpid(), SIGTERM);
}

// Parses the addresses to listen at; NULL for success.
static const struct error *read_listeners(struct arena *a, const struct option_value *value,
                                          const char *store_url, struct address **ret_listen,
                                          size_t *ret_count) {
    const char *defaults[RUNSD_DEFAULT_LISTENERS];
    const char *const *texts = value->given ? value->list : defaults;
    size_t count =
        value->given ? (size_t)value->list_count : runsd_default_listeners(a, store_url, defaults);
    struct address *listen = ARENA_ARRAY(a, struct address, count);
    for (size_t i = 0; i < count; i++) {
        const struct error *error = address_parse(a, "--listen", texts[i], &listen[i]);
        if (error != NULL) {
            return error;
        }
    }
    *ret_listen = listen;
    *ret_count = count;
    return NULL;
}

static void wait_for_stop(const struct logger *log, const sigset_t *signals) {
    int number;
    while (sigwait(signals, &number) == 0 && !server_process_is_stop(number)) {
        LOG(log, LOG_INFO, "there is nothing to reload", log_int("signal", number));
    }
    LOG(log, LOG_INFO, "stopping", log_int("signal", number));
}

static const struct error *fit_connections(struct arena *a, const struct logger *log,
                                           const struct option_value *value, int *ret_connections) {
    struct descriptor_share share = {
        .option = "--max-grpc-connections",
        .is_given = value->given,
        .connections = value->given ? value->number : RPC_DEFAULT_MAX_CONNECTIONS,
    };
    const struct error *error = descriptor_limit_apply(a, log, &share, 1);
    *ret_connections = (int)share.connections;
    return error;
}

static int serve_logged(struct arena *a, const struct option_value *values, const sigset_t *signals,
                        const struct logger *log) {
    atomic_bool failed = false;
    struct runsd_options server = {
        .log = log,
        .clock = &clock_system,
        .store_url = values[FLAG_STORE].given ? values[FLAG_STORE].text : STORE_DEFAULT_URL,
        .max_request_bytes = (size_t)values[FLAG_MAX_REQUEST].number,
        .max_buffered_bytes = (size_t)values[FLAG_MAX_BUFFERED].number,
        .queue_limit = (int)values[FLAG_QUEUE_LIMIT].number,
        .drain_ms = values[FLAG_DRAIN].given ? values[FLAG_DRAIN].number : 10000,
        .on_failure = on_failure,
        .context = &failed,
    };
    struct address *listen;
    const struct error *error =
        read_listeners(a, &values[FLAG_LISTEN], server.store_url, &listen, &server.listen_count);
    if (error == NULL) {
        error = fit_connections(a, log, &values[FLAG_MAX_CONNECTIONS], &server.max_connections);
    }
    if (error != NULL) {
        command_line_complain(&command_line, "%s", error->message);
        return EXIT_USAGE;
    }
    server.listen = listen;
    const struct listener_guard_options guard = {
        .log = log,
        .on_deaf = on_failure,
        .context = &failed,
        .stop_ms = server.drain_ms + STOP_MS,
    };
    server.guard = listener_guard_new(&guard);
    rpc_log_redirect(log);
    struct memory_keeper *keeper = memory_keeper_start();
    struct runsd *runsd;
    error = runsd_start(a, &server, &runsd);
    if (error != NULL) {
        listener_guard_free(server.guard);
        memory_keeper_stop(keeper);
        error_print("runsd", error);
        rpc_log_redirect(NULL);
        return error->code == STATUS_INVALID_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
    }
    wait_for_stop(log, signals);
    runsd_stop(runsd);
    listener_guard_free(server.guard);
    LOG(log, LOG_INFO, "stopped");
    memory_keeper_stop(keeper);
    rpc_log_redirect(NULL);
    return atomic_load(&failed) ? EXIT_FAILED : EXIT_OK;
}

static int serve(struct arena *a, const struct option_value *values) {
    const struct option_value *level = &values[FLAG_LOG_LEVEL];
    // Before any thread is started, so that all of them have the signals blocked.
    sigset_t signals;
    server_process_prepare(&signals);
    struct logger log;
    server_log_start(level->given ? (enum log_level)level->number : LOG_INFO, "runsd", &log);
    int status = serve_logged(a, values, &signals, &log);
    server_log_stop(&log);
    return status;
}

int main(int argc, char **argv) {
    return command_line_main(&command_line, argc, argv, serve);
}
