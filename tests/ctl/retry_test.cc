extern "C" {
#include "ctl/retry.h"
}

#include <gtest/gtest.h>

namespace {

class Retry : public ::testing::Test {
  protected:
    Retry() {
        arena_init(&arena_);
    }
    ~Retry() override {
        arena_release(&arena_);
    }
    error *Make(reason why, int64_t retry_after_ms = 0) {
        error *e = error_new(&arena_, STATUS_RESOURCE_EXHAUSTED, why, "x");
        e->retry_after_ms = retry_after_ms;
        return e;
    }
    arena arena_;
};

TEST_F(Retry, IsWorthItWhereALimitIsUsedUpAndNotAQuota) {
    EXPECT_TRUE(retry_is_worth_it(Make(REASON_RATE_LIMITED)));
    EXPECT_TRUE(retry_is_worth_it(Make(REASON_QUEUE_FULL)));
    EXPECT_TRUE(retry_is_worth_it(Make(REASON_NONE)));
    EXPECT_FALSE(retry_is_worth_it(Make(REASON_QUOTA_EXCEEDED)));
}

TEST_F(Retry, WaitsAsLongAsTheServerSaysAndTwiceAsLongEachTimeWhereItSaysNothing) {
    const struct {
        int64_t retry_after_ms;
        int failures;
        int64_t least_us;
        int64_t most_us;
    } rows[] = {
        {0, 0, 125000, 250000},
        {0, 1, 250000, 500000},
        {0, 50, 4000000, 8000000},
        {100, 0, 125000, 250000},
        {1000, 0, 1000000, 1125000},
        {30000, 50, 30000000, 34000000},
        {INT64_MAX, 0, 120000000, 120125000},
    };
    for (const auto &row : rows) {
        for (int i = 0; i < 200; i++) {
            int64_t pause = retry_pause_us(Make(REASON_NONE, row.retry_after_ms), row.failures);
            ASSERT_GE(pause, row.least_us) << row.retry_after_ms << " " << row.failures;
            ASSERT_LE(pause, row.most_us) << row.retry_after_ms << " " << row.failures;
        }
    }
}

} // namespace
