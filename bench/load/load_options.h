#ifndef RUNSD_BENCH_LOAD_LOAD_OPTIONS_H
#define RUNSD_BENCH_LOAD_LOAD_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/net/address.h"
#include "bench/load/load_report.h"
#include "bench/load/targets.h"

// The command line that all load generators share. Zero-initialize but for program.

struct load_options {
    const char *program;
    const char *connect;
    const char *targets_file;
    double first, seconds, count;
    bool once;
    bool help;
    // From load_options_open:
    struct address server;
    struct targets targets;
};

enum {
    LOAD_OPTION_CONNECT = 256,
    LOAD_OPTION_TARGETS,
    LOAD_OPTION_FIRST,
    LOAD_OPTION_ONCE,
    LOAD_OPTION_SECONDS,
    LOAD_OPTION_COUNT,
    LOAD_OPTION_HELP,
};

// Rows of getopt_long's table.
// clang-format off
#define LOAD_OPTION_ROWS                                                                           \
    {"connect", required_argument, NULL, LOAD_OPTION_CONNECT},                                     \
    {"targets", required_argument, NULL, LOAD_OPTION_TARGETS},                                     \
    {"first", required_argument, NULL, LOAD_OPTION_FIRST},                                         \
    {"once", no_argument, NULL, LOAD_OPTION_ONCE},                                                 \
    {"seconds", required_argument, NULL, LOAD_OPTION_SECONDS},                                     \
    {"count", required_argument, NULL, LOAD_OPTION_COUNT},                                         \
    {"help", no_argument, NULL, LOAD_OPTION_HELP}
// clang-format on

// Their lines of the usage text; what is sent is a "request" or a "call".
#define LOAD_OPTION_USAGE(target, what)                                                            \
    "  --connect ADDR     HOST:PORT or unix:PATH\n"                                                \
    "  --targets FILE     one " target " a line, taken in order, over and over\n"                  \
    "  --first N          begin with the N-th target, counted from 0\n"                            \
    "  --once             end after the last target\n"                                             \
    "  --seconds S        how long to send\n"                                                      \
    "  --count N          how many " what "s to send\n"

// Takes one of these options. Returns false if it is another, or if its value is wrong,
// which is told on stderr.
bool load_options_take(struct load_options *o, int option, const char *value);

// Whether nothing is missing: where to, what, and how long.
bool load_options_complete(const struct load_options *o);

// Reads what the options name. INVALID_ARGUMENT, in a.
const struct error *load_options_open(struct arena *a, struct load_options *o);

// Releases what load_options_open read.
void load_options_close(struct load_options *o);

// Prints the report, or error on stderr if it is not NULL; returns the exit status.
int load_options_tell(const struct load_options *o, const struct error *error,
                      const struct load_report *report);

#endif
