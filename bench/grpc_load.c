// Loads runs.v1.RunsService with a fixed number of calls outstanding and prints
// one JSON object of what it saw (bench/load/load_report.h).

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "bench/load/grpc_engine.h"
#include "bench/load/option_number.h"

static const char USAGE[] =
    "usage: grpc_load --connect ADDR --method NAME --targets FILE (--seconds S | --count N | "
    "--once) ...\n"
    "  --connect ADDR     HOST:PORT or unix:PATH\n"
    "  --method NAME      GetRun, CancelRun, or CreateRun (of a sample run of 1.5 kB)\n"
    "  --targets FILE     one run id a line, taken in order, over and over\n"
    "  --first N          begin with the N-th target, counted from 0\n"
    "  --once             end after the last target\n"
    "  --seconds S        how long to send\n"
    "  --count N          how many calls to make\n"
    "  --token TOKEN      bearer token\n"
    "  --outstanding N    default 64\n";

enum {
    OPT_CONNECT = 1,
    OPT_METHOD,
    OPT_TARGETS,
    OPT_FIRST,
    OPT_ONCE,
    OPT_SECONDS,
    OPT_COUNT,
    OPT_TOKEN,
    OPT_OUTSTANDING,
    OPT_HELP,
};

static const struct option KNOWN[] = {
    {"connect", required_argument, NULL, OPT_CONNECT},
    {"method", required_argument, NULL, OPT_METHOD},
    {"targets", required_argument, NULL, OPT_TARGETS},
    {"first", required_argument, NULL, OPT_FIRST},
    {"once", no_argument, NULL, OPT_ONCE},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"count", required_argument, NULL, OPT_COUNT},
    {"token", required_argument, NULL, OPT_TOKEN},
    {"outstanding", required_argument, NULL, OPT_OUTSTANDING},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct command_line {
    struct grpc_load_options load;
    struct targets targets;
    const char *connect;
    const char *method;
    const char *targets_file;
    double first, seconds, count, outstanding;
    bool help;
};

// Takes one option; returns false if its value is wrong (told on stderr).
static bool take(struct command_line *l, int option, const char *value) {
    switch (option) {
    case OPT_CONNECT:
        l->connect = value;
        return true;
    case OPT_METHOD:
        l->method = value;
        return true;
    case OPT_TARGETS:
        l->targets_file = value;
        return true;
    case OPT_FIRST:
        return option_number("grpc_load", "--first", value, 0, 1e12, &l->first);
    case OPT_ONCE:
        l->load.once = true;
        return true;
    case OPT_SECONDS:
        return option_number("grpc_load", "--seconds", value, 0.001, 1e6, &l->seconds);
    case OPT_COUNT:
        return option_number("grpc_load", "--count", value, 1, 1e12, &l->count);
    case OPT_TOKEN:
        l->load.token = value;
        return true;
    case OPT_OUTSTANDING:
        return option_number("grpc_load", "--outstanding", value, 1, GRPC_LOAD_OUTSTANDING_MAX,
                             &l->outstanding);
    case OPT_HELP:
        l->help = true;
        return true;
    default:
        return false;
    }
}

static bool parse(int argc, char **argv, struct command_line *l) {
    int option;
    while ((option = getopt_long(argc, argv, "", KNOWN, NULL)) != -1) {
        if (!take(l, option, optarg)) {
            return false;
        }
    }
    if (l->help) {
        return true;
    }
    if (optind != argc || l->connect == NULL || l->method == NULL || l->targets_file == NULL ||
        (l->seconds == 0 && l->count == 0 && !l->load.once)) {
        (void)fputs(USAGE, stderr);
        return false;
    }
    return true;
}

static const struct error *run(struct arena *a, struct command_line *l,
                               struct load_report *report) {
    const struct error *error = grpc_load_method_parse(a, l->method, &l->load.method);
    if (error == NULL) {
        error = address_parse(a, "--connect", l->connect, &l->load.server);
    }
    if (error == NULL) {
        error = targets_read(a, l->targets_file, &l->targets);
    }
    if (error != NULL) {
        return error;
    }
    if ((uint64_t)l->first >= l->targets.count) {
        return error_new(a, STATUS_INVALID_ARGUMENT, NULL,
                         "--first must be below the number of targets, %zu, is %.0f",
                         l->targets.count, l->first);
    }
    l->load.targets = &l->targets;
    l->load.first_target = (uint64_t)l->first;
    l->load.outstanding = (int)l->outstanding;
    l->load.count = (uint64_t)l->count;
    l->load.duration_us = (int64_t)(l->seconds * 1e6);
    grpc_load_run(&l->load, report);
    return NULL;
}

int main(int argc, char **argv) {
    struct command_line l = {.outstanding = 64};
    if (!parse(argc, argv, &l)) {
        return 2;
    }
    if (l.help) {
        (void)fputs(USAGE, stdout);
        return 0;
    }
    struct arena a;
    arena_init(&a);
    struct load_report report = {0};
    const struct error *error = run(&a, &l, &report);
    if (error != NULL) {
        (void)fprintf(stderr, "grpc_load: %s\n", error->message);
    } else {
        struct strbuf out = STRBUF_INIT;
        load_report_write(&report, &out);
        printf("%.*s\n", SLICE_FMT(strbuf_slice(&out)));
        strbuf_release(&out);
    }
    targets_release(&l.targets);
    arena_release(&a);
    return error == NULL ? 0 : 1;
}
