#ifndef RUNSD_BASE_TRACE_TRACE_SAMPLER_H
#define RUNSD_BASE_TRACE_TRACE_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/trace/trace_parent.h"

// Which traces that begin here are sampled. The decision is one of the trace's id, whose last 56
// bits are random (W3C Trace Context level 2, section 3.3.1.3), so that all who look at the
// same id with the same ratio decide alike. Pure.

// Sampled are those whose last 56 bits are below it; 0: none.
struct trace_sampler {
    uint64_t below;
};

// Reads a ratio, "0" to "1": digits with at most one point. Returns false, with *ret untouched, if
// it is none.
bool trace_sampler_read(const char *text, struct trace_sampler *ret);

static inline bool trace_sampler_takes(struct trace_sampler sampler,
                                       const uint8_t trace_id[TRACE_ID_BYTES]) {
    uint64_t random = 0;
    for (int i = TRACE_ID_BYTES - 7; i < TRACE_ID_BYTES; i++) {
        random = random << 8 | trace_id[i];
    }
    return random < sampler.below;
}

#endif
