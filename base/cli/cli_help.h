#ifndef RUNSD_BASE_CLI_CLI_HELP_H
#define RUNSD_BASE_CLI_CLI_HELP_H

#include "base/cli/cli_option.h"

// Prints the options of all tables on standard output, as --help shows them: a column of
// names and values, and beside it what each is, with its default in brackets.
void cli_help_print(const struct cli_table *tables);

#endif
