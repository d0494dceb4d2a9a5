#ifndef RUNSD_BENCH_LOAD_TARGETS_H
#define RUNSD_BENCH_LOAD_TARGETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"

// What a load run asks for: the lines of a file, in order.
struct targets {
    char *text;
    struct slice *lines;
    size_t count;
};

enum { TARGET_MAX_BYTES = 4096 };

// Reads the file. INVALID_ARGUMENT if it cannot be read, holds no line, or a
// line is empty, longer than TARGET_MAX_BYTES or has a space or control
// character (none may be in a request line; RFC 9112, 3). The lines live until
// targets_release.
const struct error *targets_read(struct arena *a, const char *path, struct targets *ret);

// Reads targets out of text, which targets_release frees.
const struct error *targets_of_text(struct arena *a, const char *name, char *text, size_t len,
                                    struct targets *ret);

// Frees the lines. A zeroed struct is allowed.
void targets_release(struct targets *t);

#endif
