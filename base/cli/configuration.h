#ifndef RUNSD_BASE_CLI_CONFIGURATION_H
#define RUNSD_BASE_CLI_CONFIGURATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cli/option_value.h"
#include "base/core/arena.h"
#include "base/core/error.h"

// The values of a command line's options and where each comes from: the command line itself, the
// environment, the configuration file (base/cli/config_file.h), the table; what comes first counts,
// and a list replaces that of the next as a whole.
//
// An option of a section has an environment variable: that of its row, else RUNSD_ (of the section
// "runsctl" RUNSCTL_) and its name in capitals with "_" for "-". It is read as on the command line;
// an empty one counts as none, a list is separated by white space, a flag is "true" or "false".

// What was read. Lives as long as the arena that command_line_read was given.
struct configuration {
    int argument_count; // as command_line_read got them
    char **arguments;
    const char **operands; // as many as there must be at least, and a NULL behind them
    const char *file;      // --config; NULL: none
    bool is_check;         // --check-config: nothing is to be started
    struct option_value *values;
    size_t count;
};

// Returns error as it is to be told: where its message begins with the name of an option ("--store:
// ...") whose value came from the file or the environment, with that place instead
// ("/etc/runsd/runsd.yaml:3:10: runsd.store: ..."). It lives in a.
const struct error *configuration_explain(struct arena *a,
                                          const struct configuration *configuration,
                                          const struct error *error);

// Prints what --check-config does of a configuration that is good, on standard output: "ok", then a
// line for each option, "NAME = VALUE (from ...)". Warns on stderr, as the program, of variables
// that look like ours and are no option's.
void configuration_print(const struct configuration *configuration, const char *program);

#endif
