#include "base/core/build_info.h"
#include "base/core/version.h"

// Gives way to what Bazel wrote, in the programs that link it.
__attribute__((weak)) const struct build_info build_info = {
    .version = RUNSD_VERSION,
    .commit = "unknown",
    .date = "unknown",
};
