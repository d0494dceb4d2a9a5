#ifndef RUNSD_TESTS_BASE_COMMAND_LINE_ROWS_H
#define RUNSD_TESTS_BASE_COMMAND_LINE_ROWS_H

#include "base/cli/command_line.h"

// Options of a made-up program, in C: C++ has no such initializers.

enum level { LEVEL_LOW, LEVEL_HIGH };

struct shared {
    int64_t wait_ms;
    bool has_wait;
};

struct options {
    enum level level;
    size_t size;
    struct cli_list names;
    const char *place;
    bool is_loud;
    int count;
    struct shared shared;
};

extern const struct command_line command_line_of_rows;

#endif
