#ifndef RUNSD_CTL_PROGRESS_H
#define RUNSD_CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/command.h"

// How far a piece of work is, on standard error: on a terminal a line that is drawn over itself,
// as wide as the terminal is then, without colors where NO_COLOR is set (no-color.org); else lines
// now and then, or with --json nothing.

struct progress {
    const char *what; // "cancelling"; the caller's
    bool is_bar;
    bool has_color;
    bool is_silent;
    bool is_drawn; // a line stands on the terminal and is not ended
    bool has_begun;
    int64_t from_done;
    int64_t begun_us; // clock_monotonic_us, when it was from_done; likewise
    int64_t shown_us;
};

// Begins; prints nothing.
void progress_begin(struct progress *p, const struct invocation *in, const char *what);

// Shows how far it is, unless that was shown just before. total 0: not known.
void progress_show(struct progress *p, int64_t done, int64_t total);

// Takes the line from the terminal, so that something else can be printed.
void progress_clear(struct progress *p);

#endif
