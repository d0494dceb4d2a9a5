#ifndef RUNSD_CTL_HOLDER_PROCESS_H
#define RUNSD_CTL_HOLDER_PROCESS_H

#include <stdbool.h>

#include "base/core/strbuf.h"

// A process of this program that goes on when the command that starts it has ended: it holds
// something, and says so in one line on its standard output.

// Starts this program with the arguments, which NULL ends and whose first is its name, in a session
// of its own, and waits until it has printed a line, which is appended to *ret_line, or has ended.
// Then *ret_code is its exit code, and *ret_errors has what it said on standard error. Else
// *ret_code is -1. Returns false, with errno, if it cannot be started.
bool holder_process_start(const char *const *arguments, struct strbuf *ret_line,
                          struct strbuf *ret_errors, int *ret_code);

#endif
