#include <stdio.h>

#include "base/core/build_info.h"
#include "ctl/command.h"
#include "ctl/exit_code.h"
#include "ctl/libraries.h"

struct version_options {
    bool json;
};

static const struct cli_option rows[] = {
    {.name = "--json",
     CLI_FLAG_AT(struct version_options, json),
     .help = "print {\"version\":\"...\",\"commit\":\"...\",...}"},
    {.name = NULL},
};

static const struct cli_table tables[] = {{rows, 0}, {NULL, 0}};

static int version(struct invocation *in) {
    if (!in->json) {
        command_line_print_version("runsctl", ctl_libraries_add);
        return EXIT_CODE_OK;
    }
    struct build_libraries libraries = {.count = 0};
    ctl_libraries_add(&libraries);
    struct strbuf json = STRBUF_INIT;
    build_info_append_json(&json, "runsctl", &libraries);
    strbuf_append_byte(&json, '\n');
    fwrite(json.data, 1, json.len, stdout);
    strbuf_release(&json);
    return EXIT_CODE_OK;
}

const struct command version_command = {
    .name = "version",
    .place = 420,
    .operands = "",
    .summary = "Prints the version of this program, its commit and its libraries.",
    .tables = tables,
    .options_size = sizeof(struct version_options),
    .run = version,
};
