#include "base/cli/process_options.h"

static const char *const sandbox_words[] = {"off", "on", NULL};

const struct cli_option process_options_rows[] = {
    {.name = "--drain-ms",
     .reload = true,
     .value = "N",
     CLI_NUMBER_AT(struct process_options, drain_ms),
     .least = 0,
     .most = 3600000,
     .fallback_number = 10000,
     .help = "how long requests may take to end at a stop"},
    {.name = "--log-level",
     .reload = true,
     .value = "LEVEL",
     CLI_WORD_AT(struct process_options, log_level),
     .words = log_level_names,
     .fallback = "info",
     .help = "debug, info, warn or error"},
    {.name = "--log-format",
     .value = "FORMAT",
     CLI_WORD_AT(struct process_options, log_format),
     .words = log_format_names,
     .fallback = "json",
     .help = "json, or text for people and the journal"},
    {.name = "--sandbox",
     .value = "on|off",
     CLI_WORD_AT(struct process_options, sandbox),
     .words = sandbox_words,
     .fallback = "on",
     .help = "whether the kernel refuses system calls that a server does not need"},
    {.name = NULL},
};
