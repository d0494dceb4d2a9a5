#include <gtest/gtest.h>
#include <memory>
#include <vector>

extern "C" {
#include "gateway/admission/byte_budget.h"
}

namespace {

constexpr size_t kLimit = 1 << 20;
constexpr size_t kForOthers = kLimit - kLimit / 4;

class ByteBudget : public testing::Test {
  protected:
    ByteBudget() {
        budget_.limit = kLimit;
    }
    ~ByteBudget() override {
        for (auto &hold : holds_) {
            byte_budget_leave(&budget_, hold.get());
        }
        EXPECT_EQ(budget_.used, 0u);
        EXPECT_EQ(budget_.used_by_others, 0u);
        for (const struct byte_peer *peer : budget_.peers) {
            EXPECT_EQ(peer, nullptr);
        }
    }
    struct byte_hold *New(bool is_change = false, uint8_t peer = 0) {
        holds_.push_back(std::make_unique<struct byte_hold>());
        struct byte_hold *hold = holds_.back().get();
        hold->is_change = is_change;
        struct byte_peer_key key = {};
        key.bytes[15] = peer;
        byte_budget_count_for(&budget_, hold, &key);
        return hold;
    }
    bool Enter(struct byte_hold *hold, size_t bytes) {
        bool entered = byte_budget_enter(&budget_, hold, bytes);
        hold->due_us = entered ? 0 : ++clock_;
        return entered;
    }
    // Who waits gets nothing more, so that the end finds nothing held.
    void EndWaiting() {
        while (byte_budget_overdue(&budget_, INT64_MAX - 1) != nullptr) {
        }
    }

    struct byte_budget budget_ = {};
    std::vector<std::unique_ptr<struct byte_hold>> holds_;
    int64_t clock_ = 0;
};

TEST_F(ByteBudget, LeavesAQuarterToChanges) {
    struct byte_hold *most = New();
    struct byte_hold *none = New();
    struct byte_hold *change = New(true);
    struct byte_hold *last = New(true);
    EXPECT_TRUE(Enter(most, kForOthers));
    EXPECT_FALSE(Enter(none, 1));
    EXPECT_TRUE(Enter(change, kLimit / 4));
    EXPECT_FALSE(Enter(last, 1));
    EXPECT_EQ(budget_.used, kLimit);
    EndWaiting();
}

TEST_F(ByteBudget, LetsOneAloneHaveMoreThanThereIs) {
    struct byte_hold *change = New(true);
    struct byte_hold *alone = New();
    struct byte_hold *next = New();
    EXPECT_TRUE(Enter(change, 10));
    EXPECT_TRUE(Enter(alone, 3 * kLimit));
    EXPECT_FALSE(Enter(next, 1));
    byte_budget_leave(&budget_, alone);
    EXPECT_EQ(byte_budget_next(&budget_), next);
    EXPECT_EQ(byte_budget_next(&budget_), nullptr);
}

TEST_F(ByteBudget, ServesWhoWaitsInTurnButChangesFirst) {
    struct byte_hold *holder = New();
    EXPECT_TRUE(Enter(holder, kForOthers));
    struct byte_hold *large = New();
    struct byte_hold *small = New();
    EXPECT_FALSE(Enter(large, kLimit / 2));
    EXPECT_FALSE(Enter(small, 1));
    byte_budget_set(&budget_, holder, kForOthers - 100);
    EXPECT_EQ(byte_budget_due_us(&budget_), 0);
    // The small one fits, but is not let past the large one.
    EXPECT_EQ(byte_budget_next(&budget_), nullptr);
    EXPECT_FALSE(Enter(New(), 1));
    EXPECT_TRUE(Enter(New(true), 1));
    byte_budget_leave(&budget_, holder);
    EXPECT_EQ(byte_budget_next(&budget_), large);
    EXPECT_EQ(large->bytes, kLimit / 2);
    EXPECT_EQ(byte_budget_next(&budget_), small);
    EXPECT_NE(byte_budget_next(&budget_), nullptr);
    EXPECT_EQ(byte_budget_next(&budget_), nullptr);
    EXPECT_EQ(byte_budget_due_us(&budget_), INT64_MAX);
}

TEST_F(ByteBudget, GivesOneAddressHalf) {
    struct byte_hold *first = New(false, 1);
    struct byte_hold *second = New(false, 1);
    struct byte_hold *other = New(false, 2);
    EXPECT_TRUE(Enter(first, kLimit / 2));
    EXPECT_FALSE(Enter(second, 1));
    // Who waits for its address's share stops no other.
    EXPECT_FALSE(Enter(other, kLimit / 4));
    EXPECT_EQ(byte_budget_next(&budget_), other);
    EXPECT_EQ(byte_budget_next(&budget_), nullptr);
    byte_budget_set(&budget_, first, kLimit / 4);
    EXPECT_EQ(byte_budget_next(&budget_), second);
}

TEST_F(ByteBudget, LetsAnAddressHaveOneAlone) {
    struct byte_hold *large = New(false, 1);
    EXPECT_TRUE(Enter(large, kLimit / 2 + 1));
    EXPECT_FALSE(Enter(New(false, 1), 1));
    EndWaiting();
}

TEST_F(ByteBudget, DoesNotDivideWhatHasNoAddress) {
    EXPECT_TRUE(Enter(New(), kLimit / 2));
    EXPECT_TRUE(Enter(New(), kLimit / 4));
}

TEST_F(ByteBudget, CountsForTheAddressWhatWasHeldBefore) {
    auto hold = std::make_unique<struct byte_hold>();
    EXPECT_TRUE(byte_budget_enter(&budget_, hold.get(), kLimit / 2));
    struct byte_peer_key key = {};
    key.bytes[0] = 7;
    byte_budget_count_for(&budget_, hold.get(), &key);
    struct byte_hold late = {};
    byte_budget_count_for(&budget_, &late, &key);
    EXPECT_FALSE(byte_budget_try(&budget_, &late, 1));
    byte_budget_leave(&budget_, hold.get());
    EXPECT_TRUE(byte_budget_try(&budget_, &late, 1));
    byte_budget_leave(&budget_, &late);
}

TEST_F(ByteBudget, RefusesToGrowWhereThereIsNoRoom) {
    struct byte_hold *hold = New();
    struct byte_hold *other = New();
    EXPECT_TRUE(Enter(hold, kLimit / 2));
    EXPECT_TRUE(Enter(other, 100));
    EXPECT_FALSE(byte_budget_try(&budget_, other, kLimit / 4 + 1));
    EXPECT_EQ(other->bytes, 100u);
    EXPECT_TRUE(byte_budget_try(&budget_, other, kLimit / 4));
    EXPECT_TRUE(byte_budget_try(&budget_, other, 10));
    EXPECT_EQ(budget_.used, kLimit / 2 + 10);
    // Alone it may have more than there is.
    byte_budget_leave(&budget_, hold);
    EXPECT_TRUE(byte_budget_try(&budget_, other, 3 * kLimit));
    byte_budget_set(&budget_, other, 10);
    EXPECT_TRUE(byte_budget_try(&budget_, hold, kLimit / 2));
    // What is there is there.
    byte_budget_set(&budget_, other, 2 * kLimit);
    EXPECT_EQ(budget_.used, kLimit / 2 + 2 * kLimit);
}

TEST_F(ByteBudget, TellsWhoWaitedTooLong) {
    EXPECT_TRUE(Enter(New(), kForOthers));
    struct byte_hold *first = New();
    struct byte_hold *second = New();
    EXPECT_FALSE(Enter(first, 1));
    EXPECT_FALSE(Enter(second, 1));
    EXPECT_EQ(byte_budget_next(&budget_), nullptr);
    EXPECT_EQ(byte_budget_due_us(&budget_), first->due_us);
    EXPECT_EQ(byte_budget_overdue(&budget_, first->due_us - 1), nullptr);
    EXPECT_EQ(byte_budget_overdue(&budget_, first->due_us), first);
    EXPECT_EQ(byte_budget_overdue(&budget_, first->due_us), nullptr);
    EXPECT_EQ(first->bytes, 0u);
    EXPECT_EQ(byte_budget_overdue(&budget_, second->due_us), second);
    EXPECT_EQ(byte_budget_due_us(&budget_), INT64_MAX);
}

} // namespace
