#include "base/core/version.h"

#include <stdio.h>

#include "ctl/command.h"
#include "ctl/exit_code.h"

struct version_options {
    bool json;
};

static const struct cli_option rows[] = {
    {.name = "--json",
     CLI_FLAG_AT(struct version_options, json),
     .help = "print {\"version\":\"...\"}"},
    {.name = NULL},
};

static const struct cli_table tables[] = {{rows, 0}, {NULL, 0}};

static int version(struct invocation *in) {
    puts(in->json ? "{\"version\":\"" RUNSD_VERSION "\"}" : "runsctl " RUNSD_VERSION);
    return EXIT_CODE_OK;
}

const struct command version_command = {
    .name = "version",
    .place = 420,
    .operands = "",
    .summary = "Prints the version of this program.",
    .tables = tables,
    .options_size = sizeof(struct version_options),
    .run = version,
};
