#ifndef RUNSD_TESTS_CTL_COMMAND_ROWS_H
#define RUNSD_TESTS_CTL_COMMAND_ROWS_H

#include "base/cli/cli_option.h"

// Options of a made-up command, in C: C++ has no such initializers.
struct test_options {
    bool quiet;
    const char *name;
    struct cli_list tags;
    int64_t count;
};

extern const struct cli_table test_tables[];

#endif
