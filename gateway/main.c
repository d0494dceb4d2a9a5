#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/server_process.h"
#include "base/version.h"
#include "gateway/gateway.h"
#include "rpc/log.h"
#include "rpc/loop.h"

// runs-gateway: the REST front alone.

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    MOST_DESCRIPTOR_SETS = 16,
    MAX_DESCRIPTOR_BYTES = 16 << 20,
    MAX_REPLY_BYTES = 16 << 20,
};

#define DEFAULT_LISTEN   "127.0.0.1:8080"
#define DEFAULT_UPSTREAM "unix:runsd.sock"

static const char usage[] =
    "usage: runs-gateway [--listen ADDR] [--upstream ADDR] [options]\n"
    "\n"
    "Serves a gRPC server's methods as HTTP/JSON until SIGTERM.\n"
    "\n"
    "  --listen ADDR             HOST:PORT or unix:PATH [" DEFAULT_LISTEN "]\n"
    "  --upstream ADDR           of the gRPC server [" DEFAULT_UPSTREAM "]\n"
    "  --descriptors FILE        a serialized FileDescriptorSet with google.api.http\n"
    "                            annotations; may be given again [runs.v1]\n"
    "  --max-header-bytes N      of a request's head [16384]\n"
    "  --max-body-bytes N        of a request's body [1048576]\n"
    "  --max-url-bytes N         of a request's path and query [8192]\n"
    "  --max-connections N       at once [10000]\n"
    "  --idle-timeout-ms N       of a quiet connection [60000]\n"
    "  --request-timeout-ms N    to receive one request [30000]\n"
    "  --upstream-timeout-ms N   of the call behind a request [30000]\n"
    "  --drain-ms N              how long requests may take to end at a stop [10000]\n"
    "  --log-level LEVEL         debug, info, warn or error [info]\n"
    "  --version, --help\n"
    "\n"
    "Logs JSON lines to standard error. Exit status: 0 stopped by a signal, 1 could\n"
    "not start, 2 wrong usage.\n";

enum number {
    NUMBER_HEADER_BYTES,
    NUMBER_BODY_BYTES,
    NUMBER_URL_BYTES,
    NUMBER_CONNECTIONS,
    NUMBER_IDLE_TIMEOUT,
    NUMBER_REQUEST_TIMEOUT,
    NUMBER_UPSTREAM_TIMEOUT,
    NUMBER_DRAIN,
    NUMBER_COUNT,
};

struct arguments {
    const char *listen;
    const char *upstream;
    const char *descriptors[MOST_DESCRIPTOR_SETS];
    size_t descriptor_count;
    long long numbers[NUMBER_COUNT]; // 0: not given
    enum log_level level;
};

static const struct {
    const char *name;
    long long least;
    long long most;
} numbers[NUMBER_COUNT] = {
    [NUMBER_HEADER_BYTES] = {"max-header-bytes", 1, 1 << 20},
    [NUMBER_BODY_BYTES] = {"max-body-bytes", 1, 1 << 30},
    [NUMBER_URL_BYTES] = {"max-url-bytes", 1, 1 << 20},
    [NUMBER_CONNECTIONS] = {"max-connections", 1, 1000000},
    [NUMBER_IDLE_TIMEOUT] = {"idle-timeout-ms", 1, 3600000},
    [NUMBER_REQUEST_TIMEOUT] = {"request-timeout-ms", 1, 3600000},
    [NUMBER_UPSTREAM_TIMEOUT] = {"upstream-timeout-ms", 1, 3600000},
    [NUMBER_DRAIN] = {"drain-ms", 0, 3600000},
};

enum {
    OPTION_LISTEN = NUMBER_COUNT,
    OPTION_UPSTREAM,
    OPTION_DESCRIPTORS,
    OPTION_LOG_LEVEL,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT
};

static void complain(const char *message) {
    fprintf(stderr, "runs-gateway: %s\n", message);
}

// Reads a whole number of its range; complains if it is none.
static bool read_number(enum number which, const char *text, long long *ret) {
    long long value = strtoll(text, NULL, 10);
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text) ||
        value < numbers[which].least || value > numbers[which].most) {
        fprintf(stderr, "runs-gateway: --%s: \"%s\" is no number from %lld to %lld\n",
                numbers[which].name, text, numbers[which].least, numbers[which].most);
        return false;
    }
    *ret = value;
    return true;
}

static bool add_descriptors(struct arguments *args, const char *path) {
    if (args->descriptor_count == MOST_DESCRIPTOR_SETS) {
        complain("--descriptors may be given 16 times at most");
        return false;
    }
    args->descriptors[args->descriptor_count++] = path;
    return true;
}

static bool read_level(const char *text, enum log_level *ret) {
    if (!log_level_parse(text, ret)) {
        fprintf(stderr, "runs-gateway: --log-level: \"%s\" is not debug, info, warn or error\n",
                text);
        return false;
    }
    return true;
}

static void list_options(struct option ret_options[OPTION_COUNT + 1]) {
    for (int i = 0; i < NUMBER_COUNT; i++) {
        ret_options[i] = (struct option){numbers[i].name, required_argument, NULL, i};
    }
    ret_options[OPTION_LISTEN] = (struct option){"listen", required_argument, NULL, OPTION_LISTEN};
    ret_options[OPTION_UPSTREAM] =
        (struct option){"upstream", required_argument, NULL, OPTION_UPSTREAM};
    ret_options[OPTION_DESCRIPTORS] =
        (struct option){"descriptors", required_argument, NULL, OPTION_DESCRIPTORS};
    ret_options[OPTION_LOG_LEVEL] =
        (struct option){"log-level", required_argument, NULL, OPTION_LOG_LEVEL};
    ret_options[OPTION_HELP] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    ret_options[OPTION_VERSION] = (struct option){"version", no_argument, NULL, OPTION_VERSION};
    ret_options[OPTION_COUNT] = (struct option){NULL, 0, NULL, 0};
}

// Returns an exit status, or -1 to go on.
static int read_arguments(int argc, char **argv, struct arguments *args) {
    struct option options[OPTION_COUNT + 1];
    list_options(options);
    int option;
    bool ok = true;
    while (ok && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case OPTION_LISTEN:
            args->listen = optarg;
            break;
        case OPTION_UPSTREAM:
            args->upstream = optarg;
            break;
        case OPTION_DESCRIPTORS:
            ok = add_descriptors(args, optarg);
            break;
        case OPTION_LOG_LEVEL:
            ok = read_level(optarg, &args->level);
            break;
        case OPTION_HELP:
            fputs(usage, stdout);
            return EXIT_OK;
        case OPTION_VERSION:
            puts("runs-gateway " RUNSD_VERSION);
            return EXIT_OK;
        default:
            if (option < 0 || option >= NUMBER_COUNT) {
                return EXIT_USAGE; // getopt_long complained
            }
            ok = read_number((enum number)option, optarg, &args->numbers[option]);
        }
    }
    if (ok && optind < argc) {
        fprintf(stderr, "runs-gateway: unexpected argument \"%s\"; see runs-gateway --help\n",
                argv[optind]);
        ok = false;
    }
    return ok ? -1 : EXIT_USAGE;
}

static const struct error *read_file(struct arena *a, const char *path, struct slice *ret_bytes) {
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return error_new(a, STATUS_INVALID_ARGUMENT, NULL, "--descriptors: %s: %m", path);
    }
    char *bytes = malloc(MAX_DESCRIPTOR_BYTES + 1);
    size_t size = bytes != NULL ? fread(bytes, 1, MAX_DESCRIPTOR_BYTES + 1, in) : 0;
    const struct error *error = NULL;
    if (bytes == NULL || ferror(in)) {
        error = error_new(a, STATUS_INVALID_ARGUMENT, NULL, "--descriptors: %s cannot be read: %m",
                          path);
    } else if (size > MAX_DESCRIPTOR_BYTES) {
        error = error_new(a, STATUS_INVALID_ARGUMENT, NULL,
                          "--descriptors: %s has more than %d bytes", path, MAX_DESCRIPTOR_BYTES);
    } else {
        *ret_bytes = arena_copy(a, slice_of(bytes, size));
    }
    free(bytes);
    fclose(in);
    return error;
}

// Fills options from the arguments, save log and upstream.
static const struct error *read_options(struct arena *a, const struct arguments *args,
                                        struct gateway_options *ret_options,
                                        struct address *ret_upstream) {
    const struct error *error = address_parse(a, "--listen", args->listen, &ret_options->listen);
    if (error == NULL) {
        error = address_parse(a, "--upstream", args->upstream, ret_upstream);
    }
    struct slice *sets = ARENA_ARRAY(a, struct slice, args->descriptor_count + 1);
    for (size_t i = 0; i < args->descriptor_count && error == NULL; i++) {
        error = read_file(a, args->descriptors[i], &sets[i]);
    }
    const long long *n = args->numbers;
    ret_options->descriptor_sets = sets;
    ret_options->descriptor_set_count = args->descriptor_count;
    ret_options->limits = (struct gateway_limits){
        .header_bytes = (size_t)n[NUMBER_HEADER_BYTES],
        .body_bytes = (size_t)n[NUMBER_BODY_BYTES],
        .url_bytes = (size_t)n[NUMBER_URL_BYTES],
        .connections = (int)n[NUMBER_CONNECTIONS],
        .idle_timeout_ms = n[NUMBER_IDLE_TIMEOUT],
        .request_timeout_ms = n[NUMBER_REQUEST_TIMEOUT],
        .upstream_timeout_ms = n[NUMBER_UPSTREAM_TIMEOUT],
    };
    return error;
}

// Serves until a signal; returns the exit status.
static int serve(struct arena *a, struct gateway_options *options, const struct address *upstream,
                 int64_t drain_ms, const sigset_t *stop_signals) {
    struct rpc_loop *loop = rpc_loop_new("gateway-rpc");
    options->upstream = rpc_channel_new(loop, upstream, MAX_REPLY_BYTES);
    struct gateway *gateway = NULL;
    const struct error *error = gateway_start(a, options, &gateway);
    int status = EXIT_OK;
    if (error != NULL) {
        complain(error->message);
        status = error->code == STATUS_INVALID_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
    } else {
        int number;
        sigwait(stop_signals, &number);
        LOG(options->log, LOG_INFO, "stopping", log_int("signal", number));
        gateway_stop(gateway, drain_ms);
    }
    rpc_channel_free(options->upstream);
    rpc_loop_free(loop);
    if (error == NULL) {
        LOG(options->log, LOG_INFO, "stopped");
    }
    return status;
}

int main(int argc, char **argv) {
    struct arguments args = {
        .listen = DEFAULT_LISTEN, .upstream = DEFAULT_UPSTREAM, .level = LOG_INFO};
    args.numbers[NUMBER_DRAIN] = 10000;
    int status = read_arguments(argc, argv, &args);
    if (status != -1) {
        return status;
    }
    struct arena a;
    arena_init(&a);
    const struct logger log = {STDERR_FILENO, args.level, "runs-gateway"};
    struct gateway_options options = {.log = &log};
    struct address upstream;
    const struct error *error = read_options(&a, &args, &options, &upstream);
    if (error != NULL) {
        complain(error->message);
        status = EXIT_USAGE;
    } else {
        // Before any thread is made, so that all of them leave the signals to us.
        sigset_t stop_signals;
        server_process_prepare(&stop_signals);
        rpc_log_redirect(&log);
        status = serve(&a, &options, &upstream, args.numbers[NUMBER_DRAIN], &stop_signals);
        rpc_log_redirect(NULL);
    }
    arena_release(&a);
    return status;
}
