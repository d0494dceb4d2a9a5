// What waits for a back-end's thread.

extern "C" {
#include "base/core/clock.h"
#include "storage/op_queue.h"
}

#include <csignal>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace {

class OpQueue : public testing::Test {
  protected:
    void Init(int limit) {
        op_queue_init(&queue_, limit);
    }
    // The operations that wait, by their index; waits for one at most wait_us.
    std::vector<size_t> Take(int64_t wait_us = 1000) {
        store_op *all = &ops_[0];
        is_open_ = op_queue_take_within(&queue_, wait_us, &all);
        std::vector<size_t> taken;
        for (; all != nullptr; all = all->next) {
            taken.push_back(static_cast<size_t>(all - ops_.data()));
        }
        return taken;
    }
    void TearDown() override {
        op_queue_destroy(&queue_);
    }

    op_queue queue_;
    std::vector<store_op> ops_ = std::vector<store_op>(8);
    bool is_open_ = false;
};

using Indexes = std::vector<size_t>;

TEST_F(OpQueue, GivesAllThatWaitInOrder) {
    Init(8);
    EXPECT_TRUE(op_queue_is_empty(&queue_));
    ops_[0].next = &ops_[7]; // of its last use
    for (size_t i : {1, 0, 2}) {
        EXPECT_TRUE(op_queue_push(&queue_, &ops_[i]));
        EXPECT_FALSE(op_queue_is_empty(&queue_));
    }
    EXPECT_EQ(Take(), (Indexes{1, 0, 2}));
    EXPECT_TRUE(is_open_);
    EXPECT_TRUE(op_queue_is_empty(&queue_));
    EXPECT_EQ(Take(), Indexes{});
    EXPECT_TRUE(is_open_) << "the time passed, that is all";
    EXPECT_TRUE(op_queue_push(&queue_, &ops_[3]));
    EXPECT_EQ(Take(), Indexes{3});
}

TEST_F(OpQueue, RefusesOneMoreThanItsLimitUntilThereIsRoom) {
    Init(2);
    for (int round = 0; round < 3; round++) {
        EXPECT_TRUE(op_queue_push(&queue_, &ops_[0]));
        EXPECT_TRUE(op_queue_push(&queue_, &ops_[1]));
        EXPECT_FALSE(op_queue_push(&queue_, &ops_[2]));
        EXPECT_FALSE(op_queue_push(&queue_, &ops_[2]));
        EXPECT_EQ(Take(), (Indexes{0, 1})) << "who was refused is not in it";
    }
}

TEST_F(OpQueue, HasALimitByDefault) {
    for (int limit : {0, -1}) {
        Init(limit);
        std::vector<store_op> many(OP_QUEUE_DEFAULT_LIMIT + 1);
        for (int i = 0; i < OP_QUEUE_DEFAULT_LIMIT; i++) {
            ASSERT_TRUE(op_queue_push(&queue_, &many[static_cast<size_t>(i)])) << i;
        }
        EXPECT_FALSE(op_queue_push(&queue_, &many.back()));
        Take();
        if (limit == 0) {
            op_queue_destroy(&queue_);
        }
    }
    Take();
}

TEST_F(OpQueue, LimitOfOneIsOne) {
    Init(1);
    EXPECT_TRUE(op_queue_push(&queue_, &ops_[0]));
    EXPECT_FALSE(op_queue_push(&queue_, &ops_[1]));
    EXPECT_EQ(Take(), Indexes{0});
}

TEST_F(OpQueue, GivesWhatWaitedWhenItWasClosedAndThenTheEnd) {
    Init(8);
    EXPECT_TRUE(op_queue_push(&queue_, &ops_[4]));
    op_queue_close(&queue_);
    EXPECT_EQ(Take(0), Indexes{4});
    EXPECT_TRUE(is_open_);
    EXPECT_EQ(Take(0), Indexes{});
    EXPECT_FALSE(is_open_);
    EXPECT_EQ(op_queue_take(&queue_), nullptr);
}

TEST_F(OpQueue, WakesWhoWaits) {
    Init(8);
    std::vector<store_op *> taken;
    std::thread taker([&] {
        store_op *all;
        while ((all = op_queue_take(&queue_)) != nullptr) {
            for (; all != nullptr; all = all->next) {
                taken.push_back(all);
            }
        }
    });
    std::vector<store_op> many(1000);
    for (store_op &op : many) {
        while (!op_queue_push(&queue_, &op)) {
            std::this_thread::yield();
        }
    }
    op_queue_close(&queue_);
    taker.join();
    ASSERT_EQ(taken.size(), many.size());
    for (size_t i = 0; i < many.size(); i++) {
        EXPECT_EQ(taken[i], &many[i]);
    }
}

TEST_F(OpQueue, WaitsNoShorterThanItWasToldAndNotForWhatIsThere) {
    Init(8);
    int64_t begin_us = clock_monotonic_us();
    EXPECT_EQ(Take(1'050'000), Indexes{});
    int64_t waited_us = clock_monotonic_us() - begin_us;
    EXPECT_GE(waited_us, 1'050'000);
    EXPECT_LT(waited_us, 30'000'000);
    EXPECT_TRUE(op_queue_push(&queue_, &ops_[0]));
    begin_us = clock_monotonic_us();
    EXPECT_EQ(Take(3'600'000'000), Indexes{0});
    EXPECT_LT(clock_monotonic_us() - begin_us, 30'000'000);
}

// Whichever part of a second it is.
TEST_F(OpQueue, WaitsNoShorterAtTheTurnOfASecond) {
    Init(8);
    int64_t last_us = clock_monotonic_us() + 1'100'000;
    for (int64_t begin_us = 0; begin_us < last_us;) {
        begin_us = clock_monotonic_us();
        EXPECT_EQ(Take(2000), Indexes{});
        EXPECT_GE(clock_monotonic_us() - begin_us, 2000);
    }
}

TEST(OpQueueDeathTest, EndsTheProcessThatForgetsWhoWaits) {
    op_queue queue;
    op_queue_init(&queue, 8);
    store_op op = {};
    EXPECT_TRUE(op_queue_push(&queue, &op));
    EXPECT_EXIT(op_queue_destroy(&queue), testing::KilledBySignal(SIGABRT), "q->first == NULL");
    op_queue_close(&queue);
    EXPECT_EXIT(op_queue_push(&queue, &op), testing::KilledBySignal(SIGABRT), "!q->closed");
    EXPECT_EQ(op_queue_take(&queue), &op);
    op_queue_destroy(&queue);
}

} // namespace
