#ifndef RUNSD_CTL_WATCH_PRINT_H
#define RUNSD_CTL_WATCH_PRINT_H

#include "ctl/command.h"
#include "ctl/run_watch.h"

// What commands that watch say on standard error of their watch, in one line.

// Prints the error of RUN_WATCH_INTERRUPTED, and that the watch goes on; of RUN_WATCH_ANEW, that
// changes may be missing.
void watch_print_interruption(const struct invocation *in, const struct run_watch *w,
                              enum run_watch_result result, const struct error *error);

// Prints the error of RUN_WATCH_FAILED; returns its exit code.
int watch_print_failure(const struct invocation *in, const struct run_watch *w,
                        const struct error *error);

// What an interruption is, in words that fit a line of a table; lives in a.
const char *watch_print_text(struct arena *a, const struct run_watch *w,
                             enum run_watch_result result, const struct error *error);

#endif
