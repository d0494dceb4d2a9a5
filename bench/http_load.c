// Loads an HTTP/1.1 server and prints one JSON object of what it saw
// (bench/load/load_report.h). How it counts: bench/load/http_engine.h.

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/core/strbuf.h"
#include "bench/load/http_engine.h"
#include "bench/load/load_options.h"
#include "bench/load/option_number.h"

static const char USAGE[] =
    "usage: http_load --connect ADDR --targets FILE (--seconds S | --count N | --once) "
    "...\n" LOAD_OPTION_USAGE(
        "path", "request") "  --method METHOD    default GET; requests have no body\n"
                           "  --header LINE      'Name: value', may be repeated\n"
                           "  --keys             Idempotency-Key of each: its path\n"
                           "  --tokens FILE      bearer tokens, a line for the target "
                           "in each line; not with --keys\n"
                           "  --connections N    default 64\n"
                           "  --rate R           open loop: R requests a second, "
                           "latency from when each was due\n"
                           "  --timeout S        for one reply; default 10\n";

enum { OPT_METHOD = 1, OPT_HEADER, OPT_KEYS, OPT_TOKENS, OPT_CONNECTIONS, OPT_RATE, OPT_TIMEOUT };

static const struct option KNOWN[] = {
    LOAD_OPTION_ROWS,
    {"method", required_argument, NULL, OPT_METHOD},
    {"header", required_argument, NULL, OPT_HEADER},
    {"keys", no_argument, NULL, OPT_KEYS},
    {"tokens", required_argument, NULL, OPT_TOKENS},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {NULL, 0, NULL, 0},
};

struct command_line {
    struct load_options common;
    struct http_load_options load;
    struct strbuf fields;
    const char *tokens_file;
    struct targets tokens;
    double connections, timeout;
};

// Takes one option; returns false if its value is wrong (told on stderr).
static bool take(struct command_line *l, int option, const char *value) {
    switch (option) {
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
    case OPT_KEYS:
        l->load.keys = true;
        return true;
    case OPT_TOKENS:
        l->tokens_file = value;
        return true;
    case OPT_CONNECTIONS:
        return option_number("http_load", "--connections", value, 1, HTTP_LOAD_CONNECTIONS_MAX,
                             &l->connections);
    case OPT_RATE:
        return option_number("http_load", "--rate", value, 0.1, 1e7, &l->load.rate_per_s);
    case OPT_TIMEOUT:
        return option_number("http_load", "--timeout", value, 0.001, 1e4, &l->timeout);
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
    bool is_complete = load_options_complete(&l->common) && !(l->load.keys && l->tokens_file);
    if (optind != argc || !is_complete) {
        (void)fputs(USAGE, stderr);
        return false;
    }
    return true;
}

// Reads the tokens, if any are given.
static const struct error *open_tokens(struct arena *a, struct command_line *l) {
    if (l->tokens_file == NULL) {
        return NULL;
    }
    const struct error *error = targets_read(a, l->tokens_file, &l->tokens);
    if (error == NULL && l->tokens.count != l->common.targets.count) {
        error = error_new(a, STATUS_INVALID_ARGUMENT, REASON_NONE,
                          "--tokens must have a line for each of the %zu targets, has %zu",
                          l->common.targets.count, l->tokens.count);
    }
    l->load.tokens = &l->tokens;
    return error;
}

static const struct error *run(struct arena *a, struct command_line *l,
                               struct load_report *report) {
    const struct error *error = load_options_open(a, &l->common);
    if (error == NULL) {
        error = open_tokens(a, l);
    }
    if (error != NULL) {
        return error;
    }
    l->load.server = l->common.server;
    l->load.targets = &l->common.targets;
    l->load.first_target = (uint64_t)l->common.first;
    l->load.once = l->common.once;
    l->load.fields = strbuf_slice(&l->fields);
    l->load.connections = (int)l->connections;
    l->load.count = (uint64_t)l->common.count;
    l->load.duration_ns = (int64_t)(l->common.seconds * 1e9);
    l->load.timeout_ns = (int64_t)(l->timeout * 1e9);
    return http_load_run(a, &l->load, report);
}

int main(int argc, char **argv) {
    struct command_line l = {
        .common = {.program = "http_load"},
        .load = {.method = slice_of_cstr("GET")},
        .connections = 64,
        .timeout = 10,
    };
    if (!parse(argc, argv, &l)) {
        strbuf_release(&l.fields);
        return 2;
    }
    if (l.common.help) {
        (void)fputs(USAGE, stdout);
        strbuf_release(&l.fields);
        return 0;
    }
    struct arena a;
    arena_init(&a);
    struct load_report report = {0};
    const struct error *error = run(&a, &l, &report);
    int status = load_options_tell(&l.common, error, &report);
    load_options_close(&l.common);
    targets_release(&l.tokens);
    strbuf_release(&l.fields);
    arena_release(&a);
    return status;
}
