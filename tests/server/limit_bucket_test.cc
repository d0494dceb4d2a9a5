extern "C" {
#include "server/limit/limit_bucket.h"
}

#include <gtest/gtest.h>

namespace {

const int64_t kSecond = 1000000;

TEST(LimitBucket, HoldsWhatComesInTheBurstAndAtLeastOne) {
    const struct {
        limit_rate rate;
        int64_t holds;
    } rows[] = {
        {{100, 2 * kSecond}, 200},
        {{100, kSecond / 100}, 1},
        {{1, kSecond / 2}, 1},
        {{3, kSecond / 2}, 1},
        {{3, kSecond}, 3},
        {{7, 10 * kSecond}, 70},
        {{LIMIT_MOST_PER_S, LIMIT_MOST_BURST_MS * int64_t{1000}}, LIMIT_MOST_PER_S * 60},
    };
    for (const auto &row : rows) {
        SCOPED_TRACE(row.rate.per_s);
        limit_bucket bucket = {};
        EXPECT_EQ(row.holds, limit_rate_holds(&row.rate));
        EXPECT_EQ(row.holds, limit_bucket_left(&bucket, &row.rate, 5 * kSecond));
        EXPECT_EQ(0, limit_bucket_full_us(&bucket, &row.rate, 5 * kSecond));
        EXPECT_EQ(0, limit_bucket_wait_us(&bucket, &row.rate, row.holds, 5 * kSecond));
        limit_bucket_take(&bucket, &row.rate, row.holds, 5 * kSecond);
        EXPECT_EQ(0, limit_bucket_left(&bucket, &row.rate, 5 * kSecond));
        EXPECT_GT(limit_bucket_wait_us(&bucket, &row.rate, 1, 5 * kSecond), 0);
    }
}

// Whatever the rate: who waits exactly as long as is said is served, and not a microsecond sooner.
TEST(LimitBucket, SaysExactlyHowLongToWait) {
    for (int64_t per_s : {1, 2, 3, 7, 999, 1000, 999983, 50000000}) {
        limit_rate rate = {per_s, 2 * kSecond};
        limit_bucket bucket = {};
        int64_t now = 17;
        limit_bucket_take(&bucket, &rate, limit_rate_holds(&rate), now);
        for (int i = 0; i < 1000; i++) {
            int64_t wait = limit_bucket_wait_us(&bucket, &rate, 1, now);
            if (wait > 0) {
                EXPECT_EQ(1, limit_bucket_wait_us(&bucket, &rate, 1, now + wait - 1)) << per_s;
                EXPECT_EQ(0, limit_bucket_left(&bucket, &rate, now + wait - 1)) << per_s;
            }
            now += wait;
            EXPECT_EQ(0, limit_bucket_wait_us(&bucket, &rate, 1, now)) << per_s;
            EXPECT_GE(limit_bucket_left(&bucket, &rate, now), 1) << per_s;
            limit_bucket_take(&bucket, &rate, 1, now);
        }
        // A thousand took what a thousand cost, to the microsecond.
        EXPECT_LE((now - 17) * per_s, 1000 * kSecond + per_s) << per_s;
        EXPECT_GT((now - 17) * per_s, 999 * kSecond - per_s) << per_s;
    }
}

TEST(LimitBucket, GoesBelowNothingAsFarAsAMinute) {
    limit_rate rate = {1000, 2 * kSecond};
    limit_bucket bucket = {};
    limit_bucket_take(&bucket, &rate, 5000, kSecond);
    EXPECT_EQ(0, limit_bucket_left(&bucket, &rate, kSecond));
    EXPECT_EQ(3 * kSecond + 1000, limit_bucket_wait_us(&bucket, &rate, 1, kSecond));
    for (int64_t amount : {int64_t{1} << 40, INT64_MAX, int64_t{1}}) {
        limit_bucket_take(&bucket, &rate, amount, kSecond);
        EXPECT_EQ(60 * kSecond + 1000, limit_bucket_wait_us(&bucket, &rate, 1, kSecond));
        EXPECT_EQ(62 * kSecond, limit_bucket_full_us(&bucket, &rate, kSecond));
    }
    EXPECT_EQ(2000, limit_bucket_left(&bucket, &rate, 63 * kSecond));
    EXPECT_EQ(2000, limit_bucket_left(&bucket, &rate, INT64_MAX));

    limit_rate fastest = {LIMIT_MOST_PER_S, LIMIT_MOST_BURST_MS * int64_t{1000}};
    limit_bucket deep = {};
    limit_bucket_take(&deep, &fastest, INT64_MAX, 1);
    EXPECT_EQ(120 * kSecond, limit_bucket_full_us(&deep, &fastest, 1));
    limit_bucket_take(&deep, &fastest, INT64_MAX, 2);
    EXPECT_EQ(120 * kSecond, limit_bucket_full_us(&deep, &fastest, 2));
}

TEST(LimitBucket, TakesATimeThatGoesBackForNone) {
    limit_rate rate = {10, kSecond};
    limit_bucket bucket = {};
    limit_bucket_take(&bucket, &rate, 10, 5 * kSecond);
    EXPECT_EQ(0, limit_bucket_left(&bucket, &rate, 4 * kSecond));
    limit_bucket_take(&bucket, &rate, 1, 4 * kSecond);
    EXPECT_EQ(kSecond / 5, limit_bucket_wait_us(&bucket, &rate, 1, 5 * kSecond));
}

} // namespace
