#ifndef RUNSD_BASE_CLI_PRINT_ZSH_H
#define RUNSD_BASE_CLI_PRINT_ZSH_H

#include "base/cli/command_shape.h"

// Prints what completes the options of a program in zsh, on standard output: of one without
// commands, or of all of its commands.
void print_zsh(const struct command_line *const *lines, size_t count);

#endif
