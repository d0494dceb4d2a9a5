#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/server_process.h"
#include "base/version.h"
#include "rpc/log.h"
#include "server/runsd.h"

// runsd: the run-control server alone.

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, MOST_LISTENERS = 16 };

#define DEFAULT_STORE "sqlite:runsd.db"

static const char usage[] =
    "usage: runsd [--listen ADDR]... [--store URL] [options]\n"
    "\n"
    "Serves runs.v1.RunsService and TokensService over gRPC until SIGTERM.\n"
    "\n"
    "  --listen ADDR           HOST:PORT or unix:PATH; may be given again\n"
    "                          [" RUNSD_DEFAULT_ADDRESS " and unix:PATH.sock]\n"
    "  --store URL             sqlite:PATH, or memory: [" DEFAULT_STORE "]\n"
    "  --max-request-bytes N   of a request message [4194304]\n"
    "  --queue-limit N         operations that wait for the store [16384]\n"
    "  --drain-ms N            how long calls may take to end at a stop [10000]\n"
    "  --log-level LEVEL       debug, info, warn or error [info]\n"
    "  --version, --help\n"
    "\n"
    "Logs JSON lines to standard error. Exit status: 0 stopped by a signal, 1 could\n"
    "not start or the store failed, 2 wrong usage.\n";

struct arguments {
    const char *listen[MOST_LISTENERS];
    size_t listen_count;
    const char *store;
    long long max_request_bytes;
    long long queue_limit;
    long long drain_ms;
    enum log_level level;
};

static void complain(const char *message) {
    fprintf(stderr, "runsd: %s\n", message);
}

// Reads a whole number from least to most; complains if it is none.
static bool read_number(const char *option, const char *text, long long least, long long most,
                        long long *ret) {
    char *end;
    long long value = strtoll(text, &end, 10);
    if (text[0] == '\0' || *end != '\0' || value < least || value > most) {
        fprintf(stderr, "runsd: --%s: \"%s\" is no number from %lld to %lld\n", option, text, least,
                most);
        return false;
    }
    *ret = value;
    return true;
}

// Returns an exit status, or -1 to go on.
static int read_arguments(int argc, char **argv, struct arguments *args) {
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},
        {"store", required_argument, NULL, 's'},
        {"max-request-bytes", required_argument, NULL, 'm'},
        {"queue-limit", required_argument, NULL, 'q'},
        {"drain-ms", required_argument, NULL, 'd'},
        {"log-level", required_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int option;
    bool ok = true;
    while (ok && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'l':
            ok = args->listen_count < MOST_LISTENERS;
            if (ok) {
                args->listen[args->listen_count++] = optarg;
            } else {
                complain("--listen may be given 16 times at most");
            }
            break;
        case 's':
            args->store = optarg;
            break;
        case 'm':
            ok = read_number("max-request-bytes", optarg, 1024, 1 << 30, &args->max_request_bytes);
            break;
        case 'q':
            ok = read_number("queue-limit", optarg, 1, 10000000, &args->queue_limit);
            break;
        case 'd':
            ok = read_number("drain-ms", optarg, 0, 3600000, &args->drain_ms);
            break;
        case 'v':
            ok = log_level_parse(optarg, &args->level);
            if (!ok) {
                fprintf(stderr, "runsd: --log-level: \"%s\" is not debug, info, warn or error\n",
                        optarg);
            }
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_OK;
        case 'V':
            puts("runsd " RUNSD_VERSION);
            return EXIT_OK;
        default:
            return EXIT_USAGE; // getopt_long complained
        }
    }
    if (ok && optind < argc) {
        fprintf(stderr, "runsd: unexpected argument \"%s\"; see runsd --help\n", argv[optind]);
        ok = false;
    }
    return ok ? -1 : EXIT_USAGE;
}

static void on_failure(void *context) {
    atomic_store((atomic_bool *)context, true);
    kill(getpid(), SIGTERM);
}

static int serve(struct arena *a, const struct arguments *args) {
    const char *defaults[RUNSD_DEFAULT_LISTENERS];
    const char *const *texts = args->listen_count > 0 ? args->listen : defaults;
    size_t count = args->listen_count > 0 ? args->listen_count
                                          : runsd_default_listeners(a, args->store, defaults);
    struct address *listen = ARENA_ARRAY(a, struct address, count);
    for (size_t i = 0; i < count; i++) {
        const struct error *error = address_parse(a, "--listen", texts[i], &listen[i]);
        if (error != NULL) {
            complain(error->message);
            return EXIT_USAGE;
        }
    }
    // Before any thread is made, so that all of them leave the signals to us.
    sigset_t stop_signals;
    server_process_prepare(&stop_signals);

    const struct logger log = {STDERR_FILENO, args->level, "runsd"};
    rpc_log_redirect(&log);
    atomic_bool failed = false;
    const struct runsd_options options = {
        .log = &log,
        .clock = &clock_system,
        .store_url = args->store,
        .listen = listen,
        .listen_count = count,
        .max_request_bytes = (size_t)args->max_request_bytes,
        .queue_limit = (int)args->queue_limit,
        .drain_ms = args->drain_ms,
        .on_failure = on_failure,
        .context = &failed,
    };
    struct runsd *runsd;
    const struct error *error = runsd_start(a, &options, &runsd);
    if (error != NULL) {
        complain(error->message);
        return error->code == STATUS_INVALID_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
    }
    int number;
    sigwait(&stop_signals, &number);
    LOG(&log, LOG_INFO, "stopping", log_int("signal", number));
    runsd_stop(runsd);
    LOG(&log, LOG_INFO, "stopped");
    rpc_log_redirect(NULL);
    return atomic_load(&failed) ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv) {
    struct arguments args = {.store = DEFAULT_STORE, .drain_ms = 10000, .level = LOG_INFO};
    int status = read_arguments(argc, argv, &args);
    if (status != -1) {
        return status;
    }
    struct arena a;
    arena_init(&a);
    status = serve(&a, &args);
    arena_release(&a);
    return status;
}
