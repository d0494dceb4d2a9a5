// Apart from base/core/check.h, which all rooms of base/ include: its last words need the log.
#include <stdlib.h>

#include "base/core/check.h"
#include "base/log/log_crash.h"

// Debian's toolchain for Bazel adds it to -c opt. Nothing in the product depends on it, but
// libraries' headers do, and the next assert may.
#ifdef NDEBUG
#error "asserts must be on in every build: see .bazelrc"
#endif

void check_failed(const char *file, int line, const char *condition) {
    const struct log_field fields[] = {
        log_own_text("file", file),
        log_own_text("condition", condition),
        log_int("line", line),
    };
    log_last_words("check failed", fields, sizeof(fields) / sizeof(fields[0]));
    abort();
}
