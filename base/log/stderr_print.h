#ifndef RUNSD_BASE_LOG_STDERR_PRINT_H
#define RUNSD_BASE_LOG_STDERR_PRINT_H

#include "base/core/slice.h"

// Tells a person something on standard error: a line, as a terminal may get it
// (base/core/printable.h), with what follows a token's prefix hidden, in one write. What the
// reader does not take within a second is lost: a program that ends does not hang.
void stderr_print_line(struct slice text);

#endif
