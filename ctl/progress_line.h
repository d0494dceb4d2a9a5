#ifndef RUNSD_CTL_PROGRESS_LINE_H
#define RUNSD_CTL_PROGRESS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core/strbuf.h"

// How far a piece of work is, in one line. Pure.

struct progress_line {
    const char *what; // "cancelling"
    int64_t done;
    int64_t total;      // 0: not known yet, so that only done is told
    int64_t elapsed_us; // since done was from_done: for the rate, and for what is left
    int64_t from_done;
};

// Appends the line, which takes at most width columns: with a bar where there is room, and with
// less where there is not. has_color: the bar's done part is green (ECMA-48: SGR).
//
//   cancelling [##########          ] 50% 600 of 1,200, 300/s, 2s left
void progress_line_append(struct strbuf *out, const struct progress_line *p, size_t width,
                          bool has_color);

#endif
