extern "C" {
#include "bench/load/histogram.h"
}

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <vector>

namespace {

std::unique_ptr<histogram> NewHistogram() {
    return std::make_unique<histogram>();
}

TEST(Histogram, AnEmptyOneHasNoPercentileAndNoMean) {
    auto h = NewHistogram();
    EXPECT_EQ(histogram_percentile(h.get(), 50), 0u);
    EXPECT_EQ(histogram_percentile(h.get(), 100), 0u);
    EXPECT_EQ(histogram_mean(h.get()), 0.0);
}

TEST(Histogram, SmallValuesAreExact) {
    auto h = NewHistogram();
    for (uint64_t v = 1; v <= 200; v++) {
        histogram_record(h.get(), v);
    }
    EXPECT_EQ(histogram_percentile(h.get(), 0), 1u);
    EXPECT_EQ(histogram_percentile(h.get(), 0.5), 1u);
    EXPECT_EQ(histogram_percentile(h.get(), 50), 100u);
    EXPECT_EQ(histogram_percentile(h.get(), 50.1), 101u);
    EXPECT_EQ(histogram_percentile(h.get(), 99), 198u);
    EXPECT_EQ(histogram_percentile(h.get(), 100), 200u);
    EXPECT_DOUBLE_EQ(histogram_mean(h.get()), 100.5);
}

TEST(Histogram, EveryPowerOfTwoReadsBackAtMostOne128thHigher) {
    for (int bit = 0; bit < HISTOGRAM_MAX_BITS; bit++) {
        for (int64_t step = -1; step <= 1; step++) {
            uint64_t value = (UINT64_C(1) << bit) + static_cast<uint64_t>(step);
            if (value >= UINT64_C(1) << HISTOGRAM_MAX_BITS) {
                continue;
            }
            auto h = NewHistogram();
            histogram_record(h.get(), value);
            // A larger value keeps the maximum from hiding the bucket's end.
            histogram_record(h.get(), (UINT64_C(1) << HISTOGRAM_MAX_BITS) - 1);
            uint64_t got = histogram_percentile(h.get(), 50);
            EXPECT_GE(got, value);
            EXPECT_LE(got - value, value / 128) << value;
        }
    }
}

TEST(Histogram, PercentilesAgreeWithSortedValues) {
    auto h = NewHistogram();
    std::vector<uint64_t> values;
    std::mt19937_64 random(1);
    std::lognormal_distribution<double> latency(13, 2);
    for (int i = 0; i < 100000; i++) {
        values.push_back(static_cast<uint64_t>(latency(random)));
        histogram_record(h.get(), values.back());
    }
    std::sort(values.begin(), values.end());
    for (double percent : {1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
        auto rank = static_cast<size_t>(std::ceil(percent / 100 * 100000));
        uint64_t exact = values[rank - 1];
        uint64_t got = histogram_percentile(h.get(), percent);
        EXPECT_GE(got, exact) << percent;
        EXPECT_LE(got, exact + exact / 128) << percent;
    }
    EXPECT_EQ(h->max, values.back());
}

TEST(Histogram, ValuesOutOfRangeAreClippedAndCounted) {
    auto h = NewHistogram();
    histogram_record(h.get(), UINT64_MAX);
    histogram_record(h.get(), 0);
    EXPECT_EQ(h->total, 2u);
    EXPECT_EQ(histogram_percentile(h.get(), 100), (UINT64_C(1) << HISTOGRAM_MAX_BITS) - 1);
    EXPECT_EQ(histogram_percentile(h.get(), 50), 0u);
}

TEST(Histogram, AddingIsAsIfAllHadBeenRecordedInOne) {
    auto a = NewHistogram();
    auto b = NewHistogram();
    auto both = NewHistogram();
    for (uint64_t v = 0; v < 1000; v++) {
        histogram_record((v % 2 == 0 ? a : b).get(), v * v);
        histogram_record(both.get(), v * v);
    }
    histogram_add(a.get(), b.get());
    EXPECT_EQ(a->total, both->total);
    EXPECT_EQ(a->sum, both->sum);
    EXPECT_EQ(a->max, both->max);
    EXPECT_TRUE(std::equal(a->counts, a->counts + HISTOGRAM_BUCKETS, both->counts));
}

} // namespace
