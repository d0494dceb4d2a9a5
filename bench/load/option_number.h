#ifndef RUNSD_BENCH_LOAD_OPTION_NUMBER_H
#define RUNSD_BENCH_LOAD_OPTION_NUMBER_H

#include <stdbool.h>

// Reads text as a finite decimal number from min to max. Returns false, and
// tells on stderr program, option, limits and what was given, if it is none.
bool option_number(const char *program, const char *option, const char *text, double min,
                   double max, double *ret);

#endif
