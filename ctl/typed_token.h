#ifndef RUNSD_CTL_TYPED_TOKEN_H
#define RUNSD_CTL_TYPED_TOKEN_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"

// Whether somebody types at standard input.
bool typed_token_is_asked(void);

// Asks for a token on standard error and reads a line from the terminal at standard input,
// which does not show what is typed. The terminal is as it was afterwards, also when a signal
// ends or stops the process meanwhile. To be called while the process has one thread. The line,
// without its end, lives in a. INVALID_ARGUMENT, naming flag, if none is typed.
const struct error *typed_token_read(struct arena *a, const char *flag, struct slice *ret_token);

#endif
