#ifndef RUNSD_BASE_CLI_PRINT_MARKDOWN_H
#define RUNSD_BASE_CLI_PRINT_MARKDOWN_H

#include "base/cli/command_shape.h"

// Prints a table of the options on standard output, in Markdown, under a heading.
void print_markdown(const struct command_line *line);

#endif
