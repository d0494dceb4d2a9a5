#include "tests/base/command_line_rows.h"

static const char *const levels[] = {[LEVEL_LOW] = "low", [LEVEL_HIGH] = "high", NULL};
static const char *const size_words[] = {"auto", "off", NULL};

static const struct cli_option shared_rows[] = {
    {.name = "--wait-ms",
     .old_name = "--pause-ms",
     .value = "N",
     CLI_NUMBER_AT(struct shared, wait_ms),
     CLI_GIVEN_AT(struct shared, has_wait),
     .least = 0,
     .most = INT64_MAX,
     .environment = "COMMAND_LINE_TEST_WAIT",
     .fallback_number = 250,
     .help = "how long"},
    {.name = NULL},
};

static const struct cli_option rows[] = {
    {.name = "--level",
     .value = "LEVEL",
     CLI_WORD_AT(struct options, level),
     .words = levels,
     .fallback = "high",
     .help = "how much of it there may be before it is more than one can take"},
    {.name = "--size",
     .value = "N|auto|off",
     CLI_NUMBER_AT(struct options, size),
     .least = 1,
     .most = 9,
     .words = size_words,
     .words_from = -2,
     .default_help = "a few",
     .help = "how big"},
    {.name = "--name",
     .value = "NAME",
     CLI_LIST_AT(struct options, names),
     .most = 2,
     .help = "a name"},
    {.name = NULL},
};

static const struct cli_option last_rows[] = {
    {.name = "--place",
     .value = "PLACE",
     CLI_TEXT_AT(struct options, place),
     .environment = "COMMAND_LINE_TEST_PLACE",
     .fallback = "here",
     .default_help = "or near",
     .help = "where"},
    {.name = "--loud", CLI_FLAG_AT(struct options, is_loud), .help = "says it"},
    {.name = "--count",
     .value = "N",
     CLI_NUMBER_AT(struct options, count),
     .least = -5,
     .most = 5,
     .fallback_number = -3,
     .help = "how many"},
    {.name = NULL},
};

static const struct cli_option no_rows[] = {{.name = NULL}};

static const struct cli_table tables[] = {
    {rows, 0},      {no_rows, 0}, {shared_rows, offsetof(struct options, shared)},
    {last_rows, 0}, {NULL, 0},
};

static void add_libraries(struct build_libraries *libraries) {
    build_libraries_add(libraries, "libone", "1.2");
    build_libraries_add(libraries, "libtwo", "3");
    build_libraries_add(libraries, "libone", "1.2");
}

const struct command_line command_line_of_rows = {
    .program = "prog",
    .add_libraries = add_libraries,
    .operands = "",
    .summary = "Does things.",
    .tables = tables,
    .footer = "End.\n",
};
