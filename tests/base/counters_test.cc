#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

extern "C" {
#include "base/process/counters.h"
}

namespace {

const counter_info kLater = {"rest_streams", "", "Streams that are open", COUNTER_LEVEL};
const counter_info kEarlier = {"bytes_2_read", "bytes", "Bytes that were read", COUNTER_TOTAL};

std::string Listed(const counters *all) {
    std::string text;
    counters_visit(
        all,
        [](void *context, const counter_info *info, int64_t value) {
            *static_cast<std::string *>(context) +=
                std::string(info->name) + "=" + std::to_string(value) + info->unit + " ";
        },
        &text);
    return text;
}

TEST(Counters, AreListedByNameWithWhatTheyAreNow) {
    counters *all = counters_new();
    EXPECT_EQ("", Listed(all));
    counter *streams = counters_add(all, &kLater);
    counter *bytes = counters_add(all, &kEarlier);
    EXPECT_EQ("bytes_2_read=0bytes rest_streams=0 ", Listed(all));
    counter_add(streams, 3);
    counter_add(bytes, int64_t{1} << 40);
    counter_add(streams, -1);
    EXPECT_EQ(2, counter_get(streams));
    EXPECT_EQ("bytes_2_read=1099511627776bytes rest_streams=2 ", Listed(all));
    counters_free(all);
    counters_free(nullptr);
}

TEST(Counters, LoseNothingThatThreadsCountAtOnce) {
    counters *all = counters_new();
    counter *counted = counters_add(all, &kLater);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
        threads.emplace_back([counted] {
            for (int j = 0; j < 20000; j++) {
                counter_add(counted, 1);
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(80000, counter_get(counted));
    counters_free(all);
}

TEST(CountersDeathTest, ANameIsTakenOnceAndSpelledForMetrics) {
    counters *all = counters_new();
    counters_add(all, &kLater);
    EXPECT_DEATH(counters_add(all, &kLater), "");
    for (const char *name : {"", "2nd", "With_Capitals", "a-b", "_a"}) {
        const counter_info info = {name, "", "", COUNTER_TOTAL};
        EXPECT_DEATH(counters_add(all, &info), "") << name;
    }
    counters_free(all);
}

} // namespace
