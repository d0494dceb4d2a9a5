extern "C" {
#include "server/domain/long_wait.h"
}

#include <gtest/gtest.h>

namespace {

constexpr int64_t kSecond = 1000000;
constexpr int64_t kNow = 5000 * kSecond;

TEST(LongWait, LastsAsLongAsIsAsked) {
    EXPECT_EQ(long_wait_until_us(kNow, 3 * kSecond, 0), kNow + 3 * kSecond);
    EXPECT_EQ(long_wait_until_us(kNow, 3 * kSecond, kNow + 60 * kSecond), kNow + 3 * kSecond);
    EXPECT_EQ(long_wait_until_us(kNow, INT64_MAX, 0), INT64_MAX);
}

TEST(LongWait, NoneWhereNoneIsAskedOrThereIsNoTime) {
    EXPECT_EQ(long_wait_until_us(kNow, 0, 0), 0);
    EXPECT_EQ(long_wait_until_us(kNow, 3 * kSecond, kNow - 1), 0);
    EXPECT_EQ(long_wait_until_us(kNow, 3 * kSecond, kNow + LONG_WAIT_REPLY_US), 0);
}

// The deadlines that gRPC core 1.51.1 makes of those of its callers.
TEST(LongWait, EndsBeforeTheDeadlineThatTheCallerHas) {
    const struct {
        double caller_s;
        double server_s;
    } rows[] = {{1.001, 1.01}, {1.234, 1.24},  {10.001, 10.1}, {30.001, 30.1}, {61, 61.1},
                {100.5, 101},  {101, 102},     {123.4, 124},   {300.1, 303},   {1000.4, 1010},
                {3601, 3610},  {10000, 10100}, {10001, 10100}};
    for (const auto &row : rows) {
        int64_t until_us = long_wait_until_us(kNow, 100000 * kSecond,
                                              kNow + static_cast<int64_t>(row.server_s * kSecond));
        EXPECT_LE(until_us, kNow + static_cast<int64_t>(row.caller_s * kSecond) - 400000)
            << row.caller_s;
        EXPECT_GE(until_us, kNow + static_cast<int64_t>(row.caller_s * kSecond * 0.98) - 510000)
            << row.caller_s;
    }
}

} // namespace
