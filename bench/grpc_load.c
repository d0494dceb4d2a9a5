// Loads runs.v1.RunsService with a fixed number of calls outstanding and prints
// one JSON object of what it saw (bench/load/load_report.h).

#include <getopt.h>
#include <stdio.h>

#include "bench/load/grpc_engine.h"
#include "bench/load/load_options.h"
#include "bench/load/option_number.h"

static const char USAGE[] =
    "usage: grpc_load --connect ADDR --method NAME --targets FILE (--seconds S | --count N | "
    "--once) ...\n" LOAD_OPTION_USAGE(
        "run id",
        "call") "  --method NAME      GetRun, CancelRun, or CreateRun (of a sample run of 1.5 kB)\n"
                "  --service NAME     that has the method [runs.v1.RunsService]\n"
                "  --token TOKEN      bearer token\n"
                "  --outstanding N    default 64\n";

enum { OPT_METHOD = 1, OPT_SERVICE, OPT_TOKEN, OPT_OUTSTANDING };

static const struct option KNOWN[] = {
    LOAD_OPTION_ROWS,
    {"method", required_argument, NULL, OPT_METHOD},
    {"service", required_argument, NULL, OPT_SERVICE},
    {"token", required_argument, NULL, OPT_TOKEN},
    {"outstanding", required_argument, NULL, OPT_OUTSTANDING},
    {NULL, 0, NULL, 0},
};

struct command_line {
    struct load_options common;
    struct grpc_load_options load;
    const char *method;
    double outstanding;
};

// Takes one option; returns false if its value is wrong (told on stderr).
static bool take(struct command_line *l, int option, const char *value) {
    switch (option) {
    case OPT_METHOD:
        l->method = value;
        return true;
    case OPT_SERVICE:
        l->load.service = value;
        return true;
    case OPT_TOKEN:
        l->load.token = value;
        return true;
    case OPT_OUTSTANDING:
        return option_number("grpc_load", "--outstanding", value, 1, GRPC_LOAD_OUTSTANDING_MAX,
                             &l->outstanding);
    default:
        return load_options_take(&l->common, option, value);
    }
}

static bool parse(int argc, char **argv, struct command_line *l) {
    int option;
    while ((option = getopt_long(argc, argv, "", KNOWN, NULL)) != -1) {
        if (!take(l, option, optarg)) {
            return false;
        }
    }
    if (l->common.help) {
        return true;
    }
    if (optind != argc || l->method == NULL || !load_options_complete(&l->common)) {
        (void)fputs(USAGE, stderr);
        return false;
    }
    return true;
}

static const struct error *run(struct arena *a, struct command_line *l,
                               struct load_report *report) {
    const struct error *error = grpc_load_method_parse(a, l->method, &l->load.method);
    if (error == NULL) {
        error = load_options_open(a, &l->common);
    }
    if (error != NULL) {
        return error;
    }
    l->load.server = l->common.server;
    l->load.targets = &l->common.targets;
    l->load.first_target = (uint64_t)l->common.first;
    l->load.once = l->common.once;
    l->load.outstanding = (int)l->outstanding;
    l->load.count = (uint64_t)l->common.count;
    l->load.duration_us = (int64_t)(l->common.seconds * 1e6);
    grpc_load_run(&l->load, report);
    return NULL;
}

int main(int argc, char **argv) {
    struct command_line l = {.common = {.program = "grpc_load"},
                             .load = {.service = "runs.v1.RunsService"},
                             .outstanding = 64};
    if (!parse(argc, argv, &l)) {
        return 2;
    }
    if (l.common.help) {
        (void)fputs(USAGE, stdout);
        return 0;
    }
    struct arena a;
    arena_init(&a);
    struct load_report report = {0};
    const struct error *error = run(&a, &l, &report);
    int status = load_options_tell(&l.common, error, &report);
    load_options_close(&l.common);
    arena_release(&a);
    return status;
}
