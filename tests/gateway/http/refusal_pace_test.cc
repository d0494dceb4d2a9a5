#include <gtest/gtest.h>
#include <vector>

extern "C" {
#include "gateway/admission/refusal_pace.h"
}

// When requests are refused that find no room.

namespace {

constexpr int64_t kStart = 1'000'000'000;
constexpr int64_t kIntervalUs = 1'000'000 / REFUSAL_PACE_PER_S;

// How many of count requests at one moment are refused at once.
int AtOnce(struct refusal_pace *pace, std::vector<struct waiting> &requests, int64_t now_us) {
    int at_once = 0;
    for (struct waiting &request : requests) {
        at_once += refusal_pace_enter(pace, &request, now_us) ? 1 : 0;
    }
    return at_once;
}

TEST(RefusalPace, AFewAreRefusedAtOnceAndTheOthersOneByOne) {
    struct refusal_pace pace = {};
    std::vector<struct waiting> requests(REFUSAL_PACE_AT_ONCE + 11);
    EXPECT_EQ(AtOnce(&pace, requests, kStart), REFUSAL_PACE_AT_ONCE + 1);
    EXPECT_EQ(refusal_pace_due(&pace, kStart), nullptr);
    for (int i = 1; i <= 10; i++) {
        EXPECT_EQ(waiting_lane_due_us(&pace.waiting), kStart + i * kIntervalUs);
        EXPECT_EQ(refusal_pace_due(&pace, kStart + i * kIntervalUs - 1), nullptr);
        EXPECT_EQ(refusal_pace_due(&pace, kStart + i * kIntervalUs),
                  &requests[REFUSAL_PACE_AT_ONCE + i]);
    }
    EXPECT_EQ(refusal_pace_due(&pace, INT64_MAX - 1), nullptr);
    EXPECT_EQ(waiting_lane_due_us(&pace.waiting), INT64_MAX);
}

TEST(RefusalPace, WhoComesSlowlyIsNeverKeptWaiting) {
    struct refusal_pace pace = {};
    struct waiting request;
    for (int i = 0; i < 100000; i++) {
        ASSERT_TRUE(refusal_pace_enter(&pace, &request, kStart + i * kIntervalUs)) << i;
    }
}

TEST(RefusalPace, AfterAPauseAsManyAreRefusedAtOnceAgain) {
    struct refusal_pace pace = {};
    std::vector<struct waiting> requests(2 * REFUSAL_PACE_AT_ONCE);
    EXPECT_EQ(AtOnce(&pace, requests, kStart), REFUSAL_PACE_AT_ONCE + 1);
    // Half a second on, all have gone, and what was not used is kept, but no more.
    int64_t later = kStart + 500'000;
    while (refusal_pace_due(&pace, later) != nullptr) {
    }
    EXPECT_EQ(AtOnce(&pace, requests, later), REFUSAL_PACE_AT_ONCE + 1);
}

TEST(RefusalPace, NobodyWaitsLongerThanTheLongest) {
    struct refusal_pace pace = {};
    std::vector<struct waiting> requests(3 * REFUSAL_PACE_PER_S);
    AtOnce(&pace, requests, kStart);
    int count = 0;
    int64_t last_us = kStart;
    while (waiting_lane_due_us(&pace.waiting) != INT64_MAX) {
        int64_t due_us = waiting_lane_due_us(&pace.waiting);
        EXPECT_GE(due_us, last_us);
        last_us = due_us;
        EXPECT_NE(refusal_pace_due(&pace, due_us), nullptr);
        count++;
    }
    EXPECT_EQ(count, 3 * REFUSAL_PACE_PER_S - REFUSAL_PACE_AT_ONCE - 1);
    EXPECT_EQ(last_us, kStart + REFUSAL_PACE_LONGEST_US);
}

TEST(WaitingLane, WaitsAreRoundedUp) {
    EXPECT_EQ(waiting_ms(INT64_MAX, kStart), -1);
    EXPECT_EQ(waiting_ms(kStart, kStart), 0);
    EXPECT_EQ(waiting_ms(kStart - 5000, kStart), 0);
    EXPECT_EQ(waiting_ms(kStart + 1, kStart), 1);
    EXPECT_EQ(waiting_ms(kStart + 1000, kStart), 1);
    EXPECT_EQ(waiting_ms(kStart + 1001, kStart), 2);
}

} // namespace
