// Who waits until the runs of a bulk cancel are collected.

extern "C" {
#include "base/core/clock.h"
#include "server/bulk/bulk_waits.h"
}

#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Wait {
    bulk_wait wait = {}; // first
    std::atomic<int> ended{0};

    Wait(const char *organization, const char *id, int64_t until_us) {
        wait.organization = slice_of_cstr(organization);
        wait.id = slice_of_cstr(id);
        wait.until_us = until_us;
        wait.ended = [](bulk_wait *w) { reinterpret_cast<Wait *>(w)->ended++; };
    }
};

class BulkWaits : public ::testing::Test {
  protected:
    ~BulkWaits() override {
        bulk_waits_stop(waits_);
        bulk_waits_free(waits_);
    }
    void Tell(const char *organization, const char *id) {
        bulk_waits_tell(waits_, slice_of_cstr(organization), slice_of_cstr(id));
    }
    struct bulk_waits *waits_ = bulk_waits_new();
};

TEST_F(BulkWaits, EndOnceWhenTheyAreToldOfTheirJob) {
    Wait one("acme", "b-1", 100);
    Wait same("acme", "b-1", 100);
    Wait other("acme", "b-2", 100);
    Wait rival("rival", "b-1", 100);
    for (Wait *wait : {&one, &same, &other, &rival}) {
        bulk_waits_add(waits_, &wait->wait);
    }
    Tell("acme", "b-3");
    Tell("rival", "b-2");
    EXPECT_EQ(0, one.ended + same.ended + other.ended + rival.ended);
    Tell("acme", "b-1");
    Tell("acme", "b-1");
    EXPECT_EQ(1, one.ended);
    EXPECT_EQ(1, same.ended);
    EXPECT_EQ(0, other.ended + rival.ended);
    bulk_waits_stop(waits_); // while they are there
}

TEST_F(BulkWaits, EndWhenTheirTimeIsOverAndNotBefore) {
    Wait soon("acme", "b-1", 100);
    Wait late("acme", "b-2", 200);
    bulk_waits_add(waits_, &soon.wait);
    bulk_waits_add(waits_, &late.wait);
    bulk_waits_expire(waits_, 99);
    EXPECT_EQ(0, soon.ended);
    bulk_waits_expire(waits_, 100);
    EXPECT_EQ(1, soon.ended);
    EXPECT_EQ(0, late.ended);
    bulk_waits_expire(waits_, 1000);
    EXPECT_EQ(1, soon.ended);
    EXPECT_EQ(1, late.ended);
}

TEST_F(BulkWaits, EndWhenTheirCallerIsGoneAlsoBeforeTheyBegin) {
    Wait wait("acme", "b-1", 100);
    bulk_waits_add(waits_, &wait.wait);
    bulk_waits_gone(waits_, &wait.wait);
    bulk_waits_gone(waits_, &wait.wait);
    Tell("acme", "b-1");
    EXPECT_EQ(1, wait.ended);
    Wait early("acme", "b-1", 100);
    bulk_waits_gone(waits_, &early.wait);
    EXPECT_EQ(0, early.ended);
    bulk_waits_add(waits_, &early.wait);
    EXPECT_EQ(1, early.ended);
}

TEST_F(BulkWaits, EndAtAStopAndFromThenOnAtOnce) {
    Wait wait("acme", "b-1", INT64_MAX);
    bulk_waits_add(waits_, &wait.wait);
    bulk_waits_stop(waits_);
    EXPECT_EQ(1, wait.ended);
    Wait later("acme", "b-1", INT64_MAX);
    bulk_waits_add(waits_, &later.wait);
    EXPECT_EQ(1, later.ended);
}

TEST_F(BulkWaits, EndOnceWhateverComesTogether) {
    constexpr int kWaits = 2000;
    std::vector<std::unique_ptr<Wait>> all;
    for (int i = 0; i < kWaits; i++) {
        all.push_back(std::make_unique<Wait>("acme", i % 2 == 0 ? "b-1" : "b-2", i));
    }
    std::thread adds([&] {
        for (auto &wait : all) {
            bulk_waits_add(waits_, &wait->wait);
        }
    });
    std::thread tells([&] {
        for (int i = 0; i < kWaits; i++) {
            Tell("acme", i % 2 == 0 ? "b-1" : "b-2");
        }
    });
    std::thread goes([&] {
        for (auto &wait : all) {
            bulk_waits_gone(waits_, &wait->wait);
        }
    });
    for (int i = 0; i < kWaits; i++) {
        bulk_waits_expire(waits_, i);
    }
    adds.join();
    tells.join();
    goes.join();
    bulk_waits_stop(waits_);
    for (auto &wait : all) {
        EXPECT_EQ(1, wait->ended);
    }
}

} // namespace
