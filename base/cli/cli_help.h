#ifndef RUNSD_BASE_CLI_CLI_HELP_H
#define RUNSD_BASE_CLI_CLI_HELP_H

#include "base/cli/cli_option.h"
#include "base/core/slice.h"

// Prints the options of all tables on standard output, as --help shows them: a column of
// names and values, and beside it what each is, with its default in brackets.
void cli_help_print(const struct cli_table *tables);

// Prints text on a line that has indent columns already, and a newline: in lines of 80 columns
// at most, each with that indent. Words, and texts in brackets, are
// not broken.
void cli_help_print_text(struct slice text, int indent);

#endif
