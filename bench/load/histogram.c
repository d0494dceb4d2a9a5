#include "bench/load/histogram.h"

#include <stddef.h>

// Below 2^(SUB_BITS + 1) a value is its own bucket. Above, shift drops the bits
// that the 128 buckets of a power of two do not tell apart.
static size_t bucket_of(uint64_t value) {
    if (value < (UINT64_C(1) << (HISTOGRAM_SUB_BITS + 1))) {
        return (size_t)value;
    }
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return ((size_t)shift << HISTOGRAM_SUB_BITS) + (size_t)(value >> shift);
}

static uint64_t bucket_upper_end(size_t bucket) {
    if (bucket < ((size_t)1 << (HISTOGRAM_SUB_BITS + 1))) {
        return bucket;
    }
    size_t shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t top = bucket - (shift << HISTOGRAM_SUB_BITS);
    return ((top + 1) << shift) - 1;
}

void histogram_record(struct histogram *h, uint64_t value) {
    const uint64_t limit = (UINT64_C(1) << HISTOGRAM_MAX_BITS) - 1;
    if (value > limit) {
        value = limit;
    }
    h->counts[bucket_of(value)]++;
    h->total++;
    h->sum += value;
    if (value > h->max) {
        h->max = value;
    }
}

void histogram_add(struct histogram *h, const struct histogram *from) {
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        h->counts[i] += from->counts[i];
    }
    h->total += from->total;
    h->sum += from->sum;
    if (from->max > h->max) {
        h->max = from->max;
    }
}

uint64_t histogram_percentile(const struct histogram *h, double percent) {
    if (h->total == 0) {
        return 0;
    }
    double exact = percent / 100.0 * (double)h->total;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact) {
        rank++;
    }
    if (rank == 0) {
        rank = 1;
    }
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen >= rank) {
            uint64_t end = bucket_upper_end(i);
            return end < h->max ? end : h->max;
        }
    }
    return h->max;
}

double histogram_mean(const struct histogram *h) {
    return h->total == 0 ? 0 : (double)h->sum / (double)h->total;
}
