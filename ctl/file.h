#ifndef RUNSD_CTL_FILE_H
#define RUNSD_CTL_FILE_H

#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"

// Reads a whole file, or standard input for "-". The bytes live in a. flag names
// the option in messages. INVALID_ARGUMENT if it cannot be read or has more than
// max_bytes.
const struct error *file_read(struct arena *a, const char *flag, const char *path, size_t max_bytes,
                              struct slice *ret_bytes);

#endif
