#ifndef RUNSD_CTL_CURSOR_FILE_H
#define RUNSD_CTL_CURSOR_FILE_H

#include "base/core/arena.h"
#include "base/core/error.h"

// A file that keeps how far an export has come: one line, a cursor of the feed. It is replaced
// whole and durably, so that a crash leaves the one before or the new one.

// Reads it, and sees whether it can be replaced. *ret_cursor lives in a; NULL if there is no such
// file. INVALID_ARGUMENT, in a, naming flag, if it is none of ours or cannot be replaced.
const struct error *cursor_file_open(struct arena *a, const char *flag, const char *path,
                                     const char **ret_cursor);

// Writes a cursor into it. UNKNOWN, in a, if that failed: what the file had may be there still.
const struct error *cursor_file_write(struct arena *a, const char *flag, const char *path,
                                      const char *cursor);

#endif
