#ifndef RUNSD_CTL_COMMANDS_H
#define RUNSD_CTL_COMMANDS_H

#include "ctl/command.h"

// Every command, each in a file of ctl/commands/: runs_cancel.c defines
// `const struct command runs_cancel_command`. By the names of their files; made by Bazel of
// the files.
extern const struct command *const commands[];
extern const size_t commands_count;

#endif
