#ifndef RUNSD_BASE_LOG_STDERR_PRINT_H
#define RUNSD_BASE_LOG_STDERR_PRINT_H

#include "base/core/slice.h"

// Prints a line on standard error in one write, made safe for a terminal
// (base/core/printable.h) and with what follows a token's prefix hidden. What the reader
// does not take within a second is lost, so that a program that ends does not hang.
void stderr_print_line(struct slice text);

#endif
