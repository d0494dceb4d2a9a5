extern "C" {
#include "base/core/clock.h"
#include "server/limit/limiter.h"
}

#include <atomic>
#include <cstring>
#include <gtest/gtest.h>
#include <malloc.h>
#include <string>
#include <thread>
#include <vector>

namespace {

const int64_t kSecond = 1000000;

slice S(const std::string &text) {
    return slice_of(text.data(), text.size());
}

class Limiter : public ::testing::Test {
  protected:
    ~Limiter() override {
        limiter_free(limiter_);
    }

    void Make(std::vector<int64_t> most, size_t most_shares = 0) {
        options_ = {};
        for (size_t i = 0; i < most.size(); i++) {
            options_.most[i] = most[i];
        }
        options_.burst_us = 2 * kSecond;
        options_.most_shares = most_shares;
        limiter_ = limiter_new(&options_);
    }

    // Whether a call of organization, and of token if that has limits of its own, is counted.
    struct limit_share *Enter(limit kind, int64_t now, const std::string &organization = "acme",
                              int64_t bytes = 0, bool is_stream = false,
                              const std::string &token = "", const int64_t *own = nullptr) {
        limit_asker asker = {};
        asker.organization = S(organization);
        asker.token = S(token);
        for (int i = 0; i < LIMITS; i++) {
            asker.most[i] = own != nullptr ? own[i] : options_.most[i];
        }
        limit_request request = {kind, bytes, is_stream};
        refused_ = LIMITS;
        wait_us_ = 0;
        return limiter_enter(limiter_, &asker, &request, now, &view_, &refused_, &wait_us_);
    }

    bool Call(limit kind, int64_t now, const std::string &organization = "acme", int64_t bytes = 0,
              int64_t reply = 0) {
        limit_share *share = Enter(kind, now, organization, bytes);
        if (share != nullptr) {
            limiter_leave(limiter_, share, false, reply, now);
        }
        return share != nullptr;
    }

    // How many calls in a row are counted.
    int Calls(limit kind, int64_t now, const std::string &organization = "acme") {
        int n = 0;
        while (Call(kind, now, organization)) {
            n++;
        }
        return n;
    }

    limiter_options options_ = {};
    limiter *limiter_ = nullptr;
    limit_view view_ = {};
    limit refused_ = LIMITS;
    int64_t wait_us_ = 0;
};

TEST_F(Limiter, KeepsReadsAndChangesOfOrganizationsApart) {
    Make({100, 10});
    EXPECT_EQ(200, Calls(LIMIT_READS, kSecond));
    EXPECT_EQ(LIMIT_READS, refused_);
    EXPECT_EQ(kSecond / 100, wait_us_);
    EXPECT_EQ(20, Calls(LIMIT_CHANGES, kSecond));
    EXPECT_EQ(LIMIT_CHANGES, refused_);
    EXPECT_EQ(200, Calls(LIMIT_READS, kSecond, "rival"));
    EXPECT_EQ(100, Calls(LIMIT_READS, 2 * kSecond));
    EXPECT_EQ(10, Calls(LIMIT_CHANGES, 2 * kSecond));
    EXPECT_EQ(200, Calls(LIMIT_READS, 60 * kSecond));
}

TEST_F(Limiter, ServesWhoWaitsExactlyAsLongAsWasSaid) {
    Make({7, 3, 1000, 2});
    int64_t now = kSecond;
    for (int i = 0; i < 500; i++) {
        limit kind = i % 3 == 0 ? LIMIT_CHANGES : LIMIT_READS;
        if (!Call(kind, now, "acme", i % 70, i % 50)) {
            int64_t wait_us = wait_us_;
            ASSERT_GT(wait_us, 0);
            EXPECT_FALSE(Call(kind, now + wait_us - 1));
            now += wait_us;
            ASSERT_TRUE(Call(kind, now, "acme", i % 70, i % 50)) << i;
        }
    }
}

TEST_F(Limiter, CountsBytesOfRequestsAndReplies) {
    Make({0, 0, 1000});
    EXPECT_TRUE(Call(LIMIT_READS, kSecond, "acme", 500, 1000));
    EXPECT_EQ(2000, view_.holds[LIMIT_BYTES]);
    EXPECT_EQ(1500, view_.left[LIMIT_BYTES]);
    // Who has some left may take more than that, and waits the longer.
    EXPECT_TRUE(Call(LIMIT_CHANGES, kSecond, "acme", 100, 3000));
    EXPECT_FALSE(Call(LIMIT_READS, kSecond));
    EXPECT_EQ(LIMIT_BYTES, refused_);
    EXPECT_EQ(2600 * 1000 + 1000, wait_us_);
    EXPECT_EQ(0, view_.left[LIMIT_BYTES]);
    EXPECT_TRUE(Call(LIMIT_READS, kSecond + wait_us_));
    limit_share *share = Enter(LIMIT_READS, 100 * kSecond);
    ASSERT_NE(nullptr, share);
    limiter_charge(limiter_, share, 2500, 100 * kSecond);
    EXPECT_FALSE(Call(LIMIT_READS, 100 * kSecond));
    limiter_leave(limiter_, share, false, 0, 100 * kSecond);
}

TEST_F(Limiter, CountsStreamsUntilTheyAreLeft) {
    Make({0, 0, 0, 2});
    limit_share *first = Enter(LIMIT_READS, 1, "acme", 0, true);
    limit_share *second = Enter(LIMIT_READS, 1);
    ASSERT_NE(nullptr, first);
    ASSERT_NE(nullptr, second);
    EXPECT_TRUE(limiter_open_stream(limiter_, second));
    EXPECT_EQ(nullptr, Enter(LIMIT_READS, 1, "acme", 0, true));
    EXPECT_EQ(LIMIT_STREAMS, refused_);
    EXPECT_EQ(0, wait_us_);
    EXPECT_EQ(0, view_.left[LIMIT_STREAMS]);
    limit_share *third = Enter(LIMIT_CHANGES, 1);
    ASSERT_NE(nullptr, third); // it is none
    EXPECT_FALSE(limiter_open_stream(limiter_, third));
    limiter_leave(limiter_, third, false, 0, 1);
    limiter_leave(limiter_, second, true, 0, 1);
    limit_share *fourth = Enter(LIMIT_READS, 1, "acme", 0, true);
    EXPECT_NE(nullptr, fourth);
    limiter_leave(limiter_, fourth, true, 0, 1);
    limiter_leave(limiter_, first, true, 0, 1);
}

TEST_F(Limiter, GivesATokenWithLimitsOfItsOwnBucketsOfItsOwn) {
    Make({1});
    const int64_t own[LIMITS] = {5};
    EXPECT_EQ(2, Calls(LIMIT_READS, kSecond));
    int n = 0;
    for (limit_share *s; (s = Enter(LIMIT_READS, kSecond, "acme", 0, false, "ci", own)); n++) {
        limiter_leave(limiter_, s, false, 0, kSecond);
    }
    EXPECT_EQ(10, n);
    // Names do not run into each other.
    EXPECT_EQ(2, Calls(LIMIT_READS, kSecond, "acmeci"));
    // A limit that is raised counts from the next call on.
    const int64_t raised[LIMITS] = {50};
    limit_share *s = Enter(LIMIT_READS, kSecond, "acme", 0, false, "ci", raised);
    ASSERT_NE(nullptr, s);
    limiter_leave(limiter_, s, false, 0, kSecond);
}

TEST_F(Limiter, ForgetsWhoHasAskedNothingForAsLongAsABucketTakesToFill) {
    Make({100, 100});
    for (int i = 0; i < 1000; i++) {
        Call(LIMIT_READS, kSecond, "o" + std::to_string(i));
    }
    EXPECT_EQ(1000u, limiter_count(limiter_));
    for (int i = 0; i < 1000; i++) {
        Call(LIMIT_READS, 10 * kSecond, "p" + std::to_string(i));
    }
    EXPECT_LT(limiter_count(limiter_), 1300u);
}

TEST_F(Limiter, KeepsItsMemoryWhileAHundredThousandOrganizationsAsk) {
    Make({1, 1, 1000, 1}, 20000);
    limit_share *open = Enter(LIMIT_READS, kSecond, "acme", 0, true);
    ASSERT_NE(nullptr, open);
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 100000; i++) {
        ASSERT_TRUE(Call(LIMIT_READS, kSecond, "organization-" + std::to_string(i)));
    }
    EXPECT_EQ(20000u, limiter_count(limiter_));
    EXPECT_LT(mallinfo2().uordblks - before, 8u << 20);
    // Who has something open is not forgotten.
    EXPECT_EQ(nullptr, Enter(LIMIT_READS, kSecond, "acme", 0, true));
    limiter_leave(limiter_, open, true, 0, kSecond);
}

TEST_F(Limiter, CountsExactlyWhatThreadsAskTogether) {
    Make({1000, 0, 1000000, 8});
    std::atomic<int> counted{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) {
        threads.emplace_back([&] {
            for (int i = 0; i < 2000; i++) {
                limit_asker asker = {};
                asker.organization = slice_of_cstr("acme");
                memcpy(asker.most, options_.most, sizeof(asker.most));
                limit_request request = {LIMIT_READS, 1, false};
                limit_view view;
                limit refused;
                int64_t wait_us;
                limit_share *share =
                    limiter_enter(limiter_, &asker, &request, kSecond, &view, &refused, &wait_us);
                if (share != nullptr) {
                    counted++;
                    limiter_leave(limiter_, share, false, 1, kSecond);
                }
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(2000, counted.load());
}

} // namespace
