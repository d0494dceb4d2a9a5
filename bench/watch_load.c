// Opens watchers of a feed, makes changes at a fixed rate, and prints one JSON object of when
// each watcher was told of each (bench/watch/watch_report.h).

#include <getopt.h>
#include <stdio.h>

#include "bench/load/option_number.h"
#include "bench/watch/watch_engine.h"
#include "bench/watch/watch_report.h"

static const char USAGE[] =
    "usage: watch_load --connect ADDR --service NAME --watchers N --changes N --rate R ...\n"
    "  --connect ADDR     HOST:PORT or unix:PATH\n"
    "  --service NAME     runs: WatchRuns and CancelRun of runs created before; etcd: Watch and\n"
    "                     Put of 128 bytes\n"
    "  --token TOKEN      of an administrator, who makes a token for each group's organization\n"
    "  --server-pid PID   whose CPU time and memory are read\n"
    "  --groups N         organizations, or prefixes of keys, that watchers and changes are dealt\n"
    "                     out to in turn [1]\n"
    "  --watchers N       each a stream of its own; 0: none\n"
    "  --connections N    of the watchers, dealt out in turn [1]\n"
    "  --changes N        how many in all\n"
    "  --rate R           changes a second, each at its time\n"
    "  --patience S       how long to wait for what is late [10]\n";

enum {
    OPT_CONNECT = 1,
    OPT_SERVICE,
    OPT_TOKEN,
    OPT_PID,
    OPT_GROUPS,
    OPT_WATCHERS,
    OPT_CONNECTIONS,
    OPT_CHANGES,
    OPT_RATE,
    OPT_PATIENCE,
};

static const struct option KNOWN[] = {
    {"connect", required_argument, NULL, OPT_CONNECT},
    {"service", required_argument, NULL, OPT_SERVICE},
    {"token", required_argument, NULL, OPT_TOKEN},
    {"server-pid", required_argument, NULL, OPT_PID},
    {"groups", required_argument, NULL, OPT_GROUPS},
    {"watchers", required_argument, NULL, OPT_WATCHERS},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"changes", required_argument, NULL, OPT_CHANGES},
    {"rate", required_argument, NULL, OPT_RATE},
    {"patience", required_argument, NULL, OPT_PATIENCE},
    {NULL, 0, NULL, 0},
};

static const double MOST_CHANGES = 1e7, MOST_WATCHERS = 1e5, MOST_CONNECTIONS = 1e4;

struct command_line {
    const char *connect, *service, *token;
    double pid, groups, watchers, connections, changes, rate, patience;
};

static bool number(const char *option, const char *text, double min, double max, double *ret) {
    return option_number("watch_load", option, text, min, max, ret);
}

// Takes one option; returns false if its value is wrong, which is printed.
static bool take(struct command_line *l, int option, const char *value) {
    switch (option) {
    case OPT_CONNECT:
        l->connect = value;
        return true;
    case OPT_SERVICE:
        l->service = value;
        return true;
    case OPT_TOKEN:
        l->token = value;
        return true;
    case OPT_PID:
        return number("--server-pid", value, 1, 1 << 30, &l->pid);
    case OPT_GROUPS:
        return number("--groups", value, 1, MOST_WATCHERS, &l->groups);
    case OPT_WATCHERS:
        return number("--watchers", value, 0, MOST_WATCHERS, &l->watchers);
    case OPT_CONNECTIONS:
        return number("--connections", value, 1, MOST_CONNECTIONS, &l->connections);
    case OPT_CHANGES:
        return number("--changes", value, 1, MOST_CHANGES, &l->changes);
    case OPT_RATE:
        return number("--rate", value, 1e-3, 1e6, &l->rate);
    case OPT_PATIENCE:
        return number("--patience", value, 0.1, 1000, &l->patience);
    default:
        return false;
    }
}

static bool parse(int argc, char **argv, struct command_line *l) {
    for (int c; (c = getopt_long(argc, argv, "", KNOWN, NULL)) != -1;) {
        if (!take(l, c, optarg)) {
            return false;
        }
    }
    if (optind != argc || l->connect == NULL || l->service == NULL || l->changes < 1 ||
        l->rate <= 0 || watch_api_find(l->service) == NULL) {
        (void)fputs(USAGE, stderr);
        return false;
    }
    return true;
}

static const struct error *run(struct arena *a, const struct command_line *l, struct strbuf *out) {
    struct watch_options options = {
        .api = watch_api_find(l->service),
        .token = l->token,
        .server_pid = (pid_t)l->pid,
        .groups = (size_t)l->groups,
        .watchers = (size_t)l->watchers,
        .connections = (size_t)l->connections,
        .changes_per_s = l->rate,
        .changes = (size_t)l->changes,
        .patience_us = (int64_t)(l->patience * 1e6),
    };
    const struct error *error = address_parse(a, "--connect", l->connect, &options.server);
    if (error != NULL) {
        return error;
    }
    struct watch_report report = {0};
    error = watch_engine_run(a, &options, &report);
    if (error == NULL) {
        watch_report_write(&options, &report, out);
    }
    delivery_book_release(&report.book);
    return error;
}

int main(int argc, char **argv) {
    struct command_line l = {.groups = 1, .connections = 1, .patience = 10};
    if (!parse(argc, argv, &l)) {
        return 2;
    }
    struct arena a;
    arena_init(&a);
    struct strbuf out = STRBUF_INIT;
    const struct error *error = run(&a, &l, &out);
    if (error != NULL) {
        (void)fprintf(stderr, "watch_load: %s\n", error->message);
    } else {
        (void)printf("%.*s\n", SLICE_FMT(strbuf_slice(&out)));
    }
    strbuf_release(&out);
    arena_release(&a);
    return error == NULL ? 0 : 1;
}
