#include <atomic>
#include <chrono>
#include <cmath>
#include <future>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

extern "C" {
#include "base/metrics/metrics_snapshot.h"
}

namespace {

const metrics_info kLater = {"runsd_streams", "", "Streams that are open", METRICS_GAUGE, 0, {},
                             nullptr,         0};
const metrics_info kEarlier = {
    "runsd_read_bytes", "bytes", "Bytes that were read", METRICS_COUNTER, 0, {"by"}, nullptr, 0};
const int64_t kBounds[] = {1000, 5000, 2000000};
const metrics_info kTimes = {
    "runsd_wait_seconds", "seconds", "Waits", METRICS_HISTOGRAM, 1000000, {}, kBounds, 3};

struct Look {
    Look(metrics *all) { // NOLINT(google-explicit-constructor)
        arena_init(&memory);
        snapshot = metrics_take(all, &memory);
    }
    ~Look() {
        arena_release(&memory);
    }
    Look(const Look &) = delete;
    Look &operator=(const Look &) = delete;

    // "NAME[VALUE,VALUE]=NUMBER ".
    std::string Text() const {
        std::string text;
        for (size_t i = 0; i < snapshot.family_count; i++) {
            const metrics_snapshot_family &family = snapshot.families[i];
            for (size_t j = 0; j < family.sample_count; j++) {
                text += family.info->name;
                for (size_t k = 0; k < 4 && family.info->labels[k] != nullptr; k++) {
                    text += std::string(k == 0 ? "[" : ",") + family.samples[j].values[k];
                }
                text += family.info->labels[0] != nullptr ? "]=" : "=";
                text += std::to_string(static_cast<int64_t>(family.samples[j].value)) + " ";
            }
        }
        return text;
    }

    arena memory;
    metrics_snapshot snapshot;
};

struct metrics_child *Child(metrics_family *family, const char *value) {
    const char *const values[] = {value};
    return metrics_child(family, values);
}

TEST(Metrics, AreListedByNameAndValuesWithWhatTheyAreNow) {
    metrics *all = metrics_new();
    EXPECT_EQ("", Look(all).Text());
    struct metrics_child *streams = metrics_add(all, &kLater);
    metrics_family *bytes = metrics_add_family(all, &kEarlier);
    EXPECT_EQ("runsd_streams=0 ", Look(all).Text()) << "a family without children is left out";
    metrics_gauge_add(streams, 3);
    metrics_gauge_add(streams, -1);
    metrics_counter_add(Child(bytes, "us"), 5);
    metrics_counter_add(Child(bytes, "others"), int64_t{1} << 40);
    metrics_counter_add(Child(bytes, "us"), 2);
    EXPECT_EQ(2, metrics_get(streams));
    EXPECT_EQ("runsd_read_bytes[others]=1099511627776 runsd_read_bytes[us]=7 runsd_streams=2 ",
              Look(all).Text());
    metrics_gauge_set(streams, 9);
    EXPECT_EQ(9, metrics_get(streams));
    metrics_free(all);
    metrics_free(nullptr);
}

TEST(Metrics, HaveOneChildForTheSameValues) {
    metrics *all = metrics_new();
    metrics_family *bytes = metrics_add_family(all, &kEarlier);
    EXPECT_EQ(Child(bytes, "a"), Child(bytes, std::string("a").c_str()));
    EXPECT_NE(Child(bytes, "a"), Child(bytes, "b"));
    metrics_free(all);
}

TEST(Metrics, CountInHistogramsUpToEachBoundAndInUnits) {
    metrics *all = metrics_new();
    struct metrics_child *times = metrics_add(all, &kTimes);
    for (int64_t us : {0, 1000, 1001, 5000, 2000000, 2000001, 4000000}) {
        metrics_histogram_observe(times, us);
    }
    EXPECT_EQ(7, metrics_get(times));
    Look look(all);
    const metrics_sample &sample = look.snapshot.families[0].samples[0];
    EXPECT_EQ(2U, sample.counts[0]);
    EXPECT_EQ(4U, sample.counts[1]);
    EXPECT_EQ(5U, sample.counts[2]);
    EXPECT_EQ(7U, sample.counts[3]);
    EXPECT_DOUBLE_EQ(8.007002, sample.value);
    metrics_free(all);
}

TEST(Metrics, CountNothingWhereNobodyLooks) {
    struct metrics_child *child = metrics_add(nullptr, &kLater);
    EXPECT_EQ(nullptr, child);
    EXPECT_EQ(nullptr, Child(metrics_add_family(nullptr, &kEarlier), "a"));
    metrics_counter_add(child, 1);
    metrics_gauge_add(child, 1);
    metrics_gauge_set(child, 1);
    metrics_histogram_observe(child, 1);
    EXPECT_EQ(0, metrics_get(child));
    metrics_add_collector(
        nullptr, [](void *, metrics_collection *) {}, nullptr);
    metrics_remove_collectors(nullptr, nullptr);
    EXPECT_EQ(0U, Look(nullptr).snapshot.family_count);
}

TEST(Metrics, LoseNothingThatMoreThreadsCountThanHaveCellsOfTheirOwn) {
    metrics *all = metrics_new();
    metrics_family *family = metrics_add_family(all, &kEarlier);
    struct metrics_child *times = metrics_add(all, &kTimes);
    std::atomic<bool> is_over{false};
    // Who looks meanwhile sees no number fall and each histogram agree with itself.
    std::thread looker([&] {
        double before = 0;
        while (!is_over) {
            Look look(all);
            for (size_t i = 0; i < look.snapshot.family_count; i++) {
                const metrics_snapshot_family &seen = look.snapshot.families[i];
                if (seen.info == &kEarlier) {
                    EXPECT_LE(before, seen.samples[0].value);
                    before = seen.samples[0].value;
                } else {
                    EXPECT_LE(seen.samples[0].counts[2], seen.samples[0].counts[3]);
                }
            }
        }
    });
    // All at once, and for so long that those who share cells meet.
    constexpr int kThreads = 12;
    constexpr int64_t kEach = 200000;
    std::atomic<int> ready{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; i++) {
        threads.emplace_back([&] {
            ready++;
            while (ready < kThreads) {
                std::this_thread::yield();
            }
            for (int64_t j = 0; j < kEach; j++) {
                metrics_counter_add(Child(family, "all"), 1);
                metrics_histogram_observe(times, j);
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    is_over = true;
    looker.join();
    EXPECT_EQ(kThreads * kEach, metrics_get(Child(family, "all")));
    EXPECT_EQ(kThreads * kEach, metrics_get(times));
    Look look(all);
    const metrics_sample &seen = look.snapshot.families[1].samples[0];
    EXPECT_EQ(static_cast<uint64_t>(kThreads * kEach), seen.counts[3]);
    EXPECT_DOUBLE_EQ(kThreads * (kEach * (kEach - 1) / 2) / 1e6, seen.value);
    metrics_free(all);
}

TEST(Metrics, CountWhatHasTooManyValuesInOneChild) {
    metrics *all = metrics_new();
    metrics_family *family = metrics_add_family(all, &kEarlier);
    for (int i = 0; i < METRICS_MAX_CHILDREN + 50; i++) {
        metrics_counter_add(Child(family, std::to_string(i).c_str()), 1);
    }
    metrics_counter_add(Child(family, "7"), 1);
    Look look(all);
    const metrics_snapshot_family &seen = look.snapshot.families[0];
    ASSERT_EQ(METRICS_MAX_CHILDREN + 1U, seen.sample_count);
    EXPECT_STREQ("other", seen.samples[seen.sample_count - 1].values[0]);
    EXPECT_EQ(50, seen.samples[seen.sample_count - 1].value);
    EXPECT_EQ(2, metrics_get(Child(family, "7")));
    metrics_free(all);
}

TEST(Metrics, AreNeverOtherThanUtf8) {
    metrics *all = metrics_new();
    metrics_counter_add(Child(metrics_add_family(all, &kEarlier), "a\xFF\xC3\xA4"), 1);
    EXPECT_EQ("runsd_read_bytes[a\xEF\xBF\xBD\xC3\xA4]=1 ", Look(all).Text());
    metrics_free(all);
}

struct Part {
    metrics_family *level;
    metrics_family *bytes;
    int looks = 0;
};

TEST(Metrics, AreCollectedWhenSomebodyLooksUntilTheCollectorIsRemoved) {
    metrics *all = metrics_new();
    Part part = {metrics_add_family(all, &kLater), metrics_add_family(all, &kEarlier)};
    metrics_counter_add(Child(part.bytes, "b"), 4);
    metrics_add_collector(
        all,
        [](void *context, metrics_collection *collection) {
            auto *one = static_cast<Part *>(context);
            one->looks++;
            metrics_collect(collection, one->level, nullptr, one->looks);
            for (const char *by : {"c", "a"}) {
                const char *const values[] = {by};
                metrics_collect(collection, one->bytes, values, 10.0);
            }
            const char *const values[] = {"unknown"};
            metrics_collect(collection, one->bytes, values, std::nan(""));
        },
        &part);
    EXPECT_EQ("runsd_read_bytes[a]=10 runsd_read_bytes[b]=4 runsd_read_bytes[c]=10 "
              "runsd_streams=1 ",
              Look(all).Text());
    metrics_remove_collectors(all, &all); // another's
    EXPECT_EQ(2, Look(all).snapshot.families[1].samples[0].value);
    metrics_remove_collectors(all, &part);
    EXPECT_EQ("runsd_read_bytes[b]=4 ", Look(all).Text());
    EXPECT_EQ(2, part.looks);
    metrics_free(all);
}

// A look that has begun, and ends when it is told to.
struct SlowLook {
    std::promise<void> begun;
    std::promise<void> end;
};

TEST(Metrics, KeepNobodyWaitingWhoCountsWhileALookTakesLong) {
    metrics *all = metrics_new();
    metrics_family *bytes = metrics_add_family(all, &kEarlier);
    struct metrics_child *times = metrics_add(all, &kTimes);
    SlowLook slow;
    metrics_add_collector(
        all,
        [](void *context, metrics_collection *) {
            auto *look = static_cast<SlowLook *>(context);
            look->begun.set_value();
            std::future_status ended = look->end.get_future().wait_for(std::chrono::seconds(30));
            EXPECT_EQ(std::future_status::ready, ended);
        },
        &slow);
    std::thread looker([all] { Look look(all); });
    slow.begun.get_future().wait();
    metrics_counter_add(Child(bytes, "new"), 1); // a child that is made now, too
    metrics_histogram_observe(times, 1);
    EXPECT_EQ(1, metrics_get(Child(bytes, "new")));
    slow.end.set_value();
    looker.join();
    metrics_free(all);
}

TEST(MetricsDeathTest, ANameIsTakenOnceAndSpelledForPrometheus) {
    metrics *all = metrics_new();
    metrics_add(all, &kLater);
    EXPECT_DEATH(metrics_add(all, &kLater), "");
    for (const char *name : {"", "2nd", "With_Capitals", "a-b", "_a", "a_total", "a_count", "a_sum",
                             "a_bucket", "a_info", "a_created"}) {
        const metrics_info info = {name, "", "", METRICS_COUNTER, 0, {}, nullptr, 0};
        EXPECT_DEATH(metrics_add(all, &info), "") << name;
    }
    metrics_free(all);
}

TEST(MetricsDeathTest, WhatAFamilyIsMustHold) {
    metrics *all = metrics_new();
    const int64_t falling[] = {2, 1};
    const metrics_info wrong[] = {
        {"runsd_a", "seconds", "The unit is not in the name", METRICS_GAUGE, 0, {}, nullptr, 0},
        {"runsd_kilobytes", "bytes", "Nor here", METRICS_GAUGE, 0, {}, nullptr, 0},
        {"runsd_a", "", "A label twice", METRICS_GAUGE, 0, {"b", "b"}, nullptr, 0},
        {"runsd_a", "", "A label of histograms", METRICS_GAUGE, 0, {"le"}, nullptr, 0},
        {"runsd_a", "", "\xFF is no UTF-8", METRICS_GAUGE, 0, {}, nullptr, 0},
        {"runsd_a", "", "No bounds", METRICS_HISTOGRAM, 0, {}, nullptr, 0},
        {"runsd_a", "", "Bounds", METRICS_GAUGE, 0, {}, kBounds, 3},
        {"runsd_a", "", "Falling bounds", METRICS_HISTOGRAM, 0, {}, falling, 2},
    };
    for (const metrics_info &info : wrong) {
        EXPECT_DEATH(metrics_add_family(all, &info), "") << info.help;
    }
    metrics_free(all);
}

} // namespace
