#ifndef RUNSD_BENCH_LOAD_HISTOGRAM_H
#define RUNSD_BENCH_LOAD_HISTOGRAM_H

#include <stdint.h>

// Counts of values in log-linear buckets, after Gil Tene's HdrHistogram: 128
// buckets for each power of two, so that what is read back is at most 1/128
// above what was recorded, whatever its size.

enum {
    HISTOGRAM_SUB_BITS = 7,
    HISTOGRAM_MAX_BITS = 42, // values from 2^42 (73 minutes in ns) are clipped
    HISTOGRAM_BUCKETS = ((HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS) << HISTOGRAM_SUB_BITS) +
                        (1 << HISTOGRAM_SUB_BITS),
};

// Zero-initialize before use.
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t sum;
    uint64_t max; // exact
};

// Records one value.
void histogram_record(struct histogram *h, uint64_t value);

// Adds all that from recorded to h.
void histogram_add(struct histogram *h, const struct histogram *from);

// Returns the value that percent (0 to 100) of those recorded do not exceed:
// the upper end of its bucket, but never more than the largest value. 0 if
// nothing was recorded.
uint64_t histogram_percentile(const struct histogram *h, double percent);

// Returns the mean; 0 if nothing was recorded.
double histogram_mean(const struct histogram *h);

#endif
