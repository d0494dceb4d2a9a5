#ifndef RUNSD_BASE_CLI_PRINT_MAN_H
#define RUNSD_BASE_CLI_PRINT_MAN_H

#include "base/cli/command_shape.h"

// Prints the manual page of a program without commands, or of one command, on standard output, in
// the language of mdoc(7): PROGRAM(8), PROGRAM-COMMAND(1).
void print_man(const struct command_line *line);

// Prints the page of a program of several commands, PROGRAM(1), with a list of them.
void print_man_list(const char *summary, const struct command_line *const *lines, size_t count);

#endif
