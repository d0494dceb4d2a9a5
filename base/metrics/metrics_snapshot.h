#ifndef RUNSD_BASE_METRICS_METRICS_SNAPSHOT_H
#define RUNSD_BASE_METRICS_METRICS_SNAPSHOT_H

#include <stdint.h>

#include "base/core/arena.h"
#include "base/metrics/metrics.h"

// What a registry has at a moment, as the writers (prometheus_text.h, openmetrics_text.h) take it.

// What one child, or one call of metrics_collect, says.
struct metrics_sample {
    const char *const *values; // one for each label; UTF-8
    double value;              // in the family's unit; of a histogram the sum
    // Of a histogram, cumulative: bound_count + 1 numbers, the last of which counts all.
    const uint64_t *counts;
};

struct metrics_snapshot_family {
    const struct metrics_info *info;
    const struct metrics_sample *samples; // ordered by their values; one at least
    size_t sample_count;
};

struct metrics_snapshot {
    const struct metrics_snapshot_family *families; // ordered by name
    size_t family_count;
};

// Looks at all of the registry, in a; NULL is an empty one. Families without a sample are left
// out. Those who count are not kept waiting, so samples may differ by what was counted
// meanwhile; a histogram's buckets, count and number of values agree. Thread safe.
struct metrics_snapshot metrics_take(struct metrics *metrics, struct arena *a);

#endif
