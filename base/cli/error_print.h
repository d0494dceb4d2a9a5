#ifndef RUNSD_BASE_CLI_ERROR_PRINT_H
#define RUNSD_BASE_CLI_ERROR_PRINT_H

#include "base/core/error.h"

// Prints on stderr, in one line, why a program failed:
// "PROGRAM: message (detail)".
void error_print(const char *program, const struct error *error);

#endif
