#ifndef RUNSD_SERVER_DOMAIN_RUN_SIZE_H
#define RUNSD_SERVER_DOMAIN_RUN_SIZE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/core/slice.h"

// How large the parts of a run may be. Pure. Together they stay below the 4 MiB that a gRPC
// client takes by default, so that every run that was created can be read.
enum {
    RUN_LARGEST_SPEC_BYTES = 3 * 1024 * 1024,
    RUN_LARGEST_EXECUTION_STATE_BYTES = 960 * 1024,
};

// INVALID_ARGUMENT / FIELD_INVALID if bytes, the value of field, are more than most; else NULL.
const struct error *run_size_check(struct arena *a, const char *field, struct slice bytes,
                                   size_t most);

#endif
