#ifndef RUNSD_BASE_CLI_PROCESS_OPTIONS_H
#define RUNSD_BASE_CLI_PROCESS_OPTIONS_H

#include <stdint.h>

#include "base/cli/cli_option.h"
#include "base/log/log.h"

enum process_sandbox { PROCESS_SANDBOX_OFF, PROCESS_SANDBOX_ON };

// The options of every program that serves until a signal: how long it may take to stop, what it
// logs in which form, and whether it gives up the system calls that it does not need.
struct process_options {
    int64_t drain_ms;
    enum log_level log_level;
    enum log_format log_format;
    enum process_sandbox sandbox;
};

// Their rows, for a cli_table of struct process_options.
extern const struct cli_option process_options_rows[];

#endif
