#ifndef RUNSD_TESTS_BASE_METRICS_TESTING_H
#define RUNSD_TESTS_BASE_METRICS_TESTING_H

#include <functional>
#include <string>
#include <vector>

extern "C" {
#include "base/metrics/metrics_snapshot.h"
}

namespace metrics_testing {

// What a registry says at a moment of one sample, found by the values of its labels.
struct Seen {
    double value = -1;    // -1: there is no such sample
    uint64_t count = 0;   // of a histogram
    uint64_t highest = 0; // of these, in the last bucket, which has no bound
};

inline Seen Look(struct metrics *metrics, const std::string &name,
                 const std::vector<std::string> &values = {}) {
    Seen seen;
    struct arena a;
    arena_init(&a);
    struct metrics_snapshot snapshot = metrics_take(metrics, &a);
    for (size_t f = 0; f < snapshot.family_count; f++) {
        const struct metrics_snapshot_family &family = snapshot.families[f];
        for (size_t s = 0; family.info->name == name && s < family.sample_count; s++) {
            const struct metrics_sample &sample = family.samples[s];
            bool is_same = true;
            for (size_t i = 0; i < values.size(); i++) {
                is_same = is_same && values[i] == sample.values[i];
            }
            if (is_same) {
                size_t bounds = family.info->bound_count;
                seen.value = sample.value;
                seen.count = sample.counts != nullptr ? sample.counts[bounds] : 0;
                seen.highest =
                    sample.counts != nullptr ? seen.count - sample.counts[bounds - 1] : 0;
            }
        }
    }
    arena_release(&a);
    return seen;
}

inline double Value(struct metrics *metrics, const std::string &name,
                    const std::vector<std::string> &values = {}) {
    return Look(metrics, name, values).value;
}

} // namespace metrics_testing

#endif
