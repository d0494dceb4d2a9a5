// Loads an HTTP/1.1 server and prints one JSON object of what it saw
// (bench/load/load_report.h). How it counts: bench/load/http_engine.h.

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "bench/load/http_engine.h"
#include "bench/load/option_number.h"

static const char USAGE[] =
    "usage: http_load --connect ADDR --targets FILE (--seconds S | --count N | --once) ...\n"
    "  --connect ADDR     HOST:PORT or unix:PATH\n"
    "  --targets FILE     one path a line, taken in order, over and over\n"
    "  --first N          begin with the N-th target, counted from 0\n"
    "  --once             end after the last target\n"
    "  --seconds S        how long to send\n"
    "  --count N          how many requests to send\n"
    "  --method METHOD    default GET; requests have no body\n"
    "  --header LINE      'Name: value', may be repeated\n"
    "  --connections N    default 64\n"
    "  --rate R           open loop: R requests a second, latency from when each was due\n"
    "  --timeout S        for one reply; default 10\n";

enum {
    OPT_CONNECT = 1,
    OPT_TARGETS,
    OPT_FIRST,
    OPT_ONCE,
    OPT_SECONDS,
    OPT_COUNT,
    OPT_METHOD,
    OPT_HEADER,
    OPT_CONNECTIONS,
    OPT_RATE,
    OPT_TIMEOUT,
    OPT_HELP
};

static const struct option KNOWN[] = {
    {"connect", required_argument, NULL, OPT_CONNECT},
    {"targets", required_argument, NULL, OPT_TARGETS},
    {"first", required_argument, NULL, OPT_FIRST},
    {"once", no_argument, NULL, OPT_ONCE},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"count", required_argument, NULL, OPT_COUNT},
    {"method", required_argument, NULL, OPT_METHOD},
    {"header", required_argument, NULL, OPT_HEADER},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct command_line {
    struct http_load_options load;
    struct targets targets;
    struct strbuf fields;
    const char *connect;
    const char *targets_file;
    double first, seconds, count, connections, timeout;
    bool help;
};

// Takes one option; returns false if its value is wrong (told on stderr).
static bool take(struct command_line *l, int option, const char *value) {
    switch (option) {
    case OPT_CONNECT:
        l->connect = value;
        return true;
    case OPT_TARGETS:
        l->targets_file = value;
        return true;
    case OPT_FIRST:
        return option_number("http_load", "--first", value, 0, 1e12, &l->first);
    case OPT_ONCE:
        l->load.once = true;
        return true;
    case OPT_SECONDS:
        return option_number("http_load", "--seconds", value, 0.001, 1e6, &l->seconds);
    case OPT_COUNT:
        return option_number("http_load", "--count", value, 1, 1e12, &l->count);
    case OPT_METHOD:
        l->load.method = slice_of_cstr(value);
        return true;
    case OPT_HEADER:
        if (strpbrk(value, "\r\n") != NULL || strchr(value, ':') == NULL) {
            (void)fprintf(stderr, "http_load: --header must be 'Name: value', is '%s'\n", value);
            return false;
        }
        strbuf_printf(&l->fields, "%s\r\n", value);
        return true;
    case OPT_CONNECTIONS:
        return option_number("http_load", "--connections", value, 1, HTTP_LOAD_CONNECTIONS_MAX,
                             &l->connections);
    case OPT_RATE:
        return option_number("http_load", "--rate", value, 0.1, 1e7, &l->load.rate_per_s);
    case OPT_TIMEOUT:
        return option_number("http_load", "--timeout", value, 0.001, 1e4, &l->timeout);
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
    if (optind != argc || l->connect == NULL || l->targets_file == NULL ||
        (l->seconds == 0 && l->count == 0 && !l->load.once)) {
        (void)fputs(USAGE, stderr);
        return false;
    }
    return true;
}

static const struct error *run(struct arena *a, struct command_line *l,
                               struct load_report *report) {
    const struct error *error = address_parse(a, "--connect", l->connect, &l->load.server);
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
    l->load.fields = strbuf_slice(&l->fields);
    l->load.connections = (int)l->connections;
    l->load.count = (uint64_t)l->count;
    l->load.duration_ns = (int64_t)(l->seconds * 1e9);
    l->load.timeout_ns = (int64_t)(l->timeout * 1e9);
    return http_load_run(a, &l->load, report);
}

int main(int argc, char **argv) {
    struct command_line l = {
        .load = {.method = slice_of_cstr("GET")},
        .connections = 64,
        .timeout = 10,
    };
    if (!parse(argc, argv, &l)) {
        strbuf_release(&l.fields);
        return 2;
    }
    if (l.help) {
        (void)fputs(USAGE, stdout);
        strbuf_release(&l.fields);
        return 0;
    }
    struct arena a;
    arena_init(&a);
    struct load_report report = {0};
    const struct error *error = run(&a, &l, &report);
    if (error != NULL) {
        (void)fprintf(stderr, "http_load: %s\n", error->message);
    } else {
        struct strbuf out = STRBUF_INIT;
        load_report_write(&report, &out);
        printf("%.*s\n", SLICE_FMT(strbuf_slice(&out)));
        strbuf_release(&out);
    }
    targets_release(&l.targets);
    strbuf_release(&l.fields);
    arena_release(&a);
    return error == NULL ? 0 : 1;
}
