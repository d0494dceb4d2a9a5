#ifndef RUNSD_BASE_CLI_CONFIG_RELOAD_H
#define RUNSD_BASE_CLI_CONFIG_RELOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cli/command_line.h"
#include "base/log/log.h"

// Reads a program's configuration file again while it runs, with the environment and the command
// line as they were. What is bad is not taken at all, and the log says why. Each option that has
// another value is logged with both, and whether it takes effect now (struct cli_option, reload) or
// at the next start.

struct config_reload;

struct config_reload_options {
    const struct logger *log;
    const struct command_line *line;
    const struct configuration *configuration; // of the start; borrowed until config_reload_free
    size_t options_size;                       // of the struct that the tables are of
    // Checks options that were read anew as a start does; their texts and the error live in a.
    const struct error *(*check)(void *context, struct arena *a, void *options);
    // Takes from options what may change and has changed. They live until config_reload_free: each
    // reload that changes something keeps some KiB.
    void (*apply)(void *context, const void *options);
    void *context;
};

struct config_reload *config_reload_new(const struct config_reload_options *options);

// NULL is ignored.
void config_reload_free(struct config_reload *reload);

// Reads again; returns whether there is a file.
bool config_reload_run(struct config_reload *reload);

#endif
