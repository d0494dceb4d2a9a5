#include "tests/ctl/command_rows.h"

static const struct cli_option rows[] = {
    {.name = "--quiet", CLI_FLAG_AT(struct test_options, quiet), .help = "says less"},
    {.name = "--name",
     .value = "NAME",
     CLI_TEXT_AT(struct test_options, name),
     .is_required = true,
     .help = "its name"},
    {.name = "--tag", .value = "TAG", CLI_LIST_AT(struct test_options, tags), .help = "a tag"},
    {.name = "--count",
     .value = "N",
     CLI_NUMBER_AT(struct test_options, count),
     .least = -5,
     .most = 10,
     .help = "how many"},
    {.name = NULL},
};

const struct cli_table test_tables[] = {{rows, 0}, {NULL, 0}};
