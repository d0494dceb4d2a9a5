#ifndef RUNSD_CTL_COMMAND_ERROR_H
#define RUNSD_CTL_COMMAND_ERROR_H

#include "base/core/error.h"
#include "ctl/command.h"

// Prints error on stderr and returns its exit code: for people in one line, "runsctl: ...;
// hint"; as JSON (ctl/error_json.h) if the command was given --json. hint says what to do next;
// NULL: what the error's reason or code suggests; "": nothing.
int command_error(const struct invocation *in, const struct error *error, const char *hint);

#endif
