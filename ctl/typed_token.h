#ifndef RUNSD_CTL_TYPED_TOKEN_H
#define RUNSD_CTL_TYPED_TOKEN_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"

// Opens the file, "-" for standard input, if it is a terminal; returns its descriptor, which
// the caller closes, or -1 if it is none.
int typed_token_open(const char *path);

// Asks for a token on standard error and reads a line from the terminal, which does not show
// what is typed. The terminal is as it was afterwards, also when a signal
// ends or stops the process meanwhile. To be called while the process has one thread. The line,
// without its end, lives in a. INVALID_ARGUMENT, naming flag, if none is typed.
const struct error *typed_token_read(struct arena *a, const char *flag, int terminal,
                                     struct slice *ret_token);

#endif
