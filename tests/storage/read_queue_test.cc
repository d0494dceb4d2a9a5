// Which reader runs what, and when.

extern "C" {
#include "base/core/clock.h"
#include "storage/op_queue.h"
#include "storage/read_queue.h"
}

#include <atomic>
#include <csignal>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace {

constexpr int kNone = -1;
constexpr int64_t kForeverUs = 30'000'000;

class ReadQueue : public testing::Test {
  protected:
    void Init(int readers, int limit = 0) {
        read_queue_init(&queue_, limit);
        read_queue_set_readers(&queue_, readers);
    }
    // Pushes the operation of that index.
    bool Push(int i, bool is_long = false) {
        return read_queue_push(&queue_, &ops_[static_cast<size_t>(i)], is_long);
    }
    void PushAll(int count) {
        for (int i = 0; i < count; i++) {
            ASSERT_TRUE(Push(i));
        }
    }
    int IndexOf(const store_op *op) const {
        return op == nullptr ? kNone : static_cast<int>(op - ops_.data());
    }
    // The index of what the reader gets.
    int Take(int reader, int64_t wait_us = 1) {
        store_op *op = &ops_[0];
        is_open_ = read_queue_take(&queue_, reader, wait_us, &op);
        return IndexOf(op);
    }
    // Takes, and begins it in an hour: it has not stalled, however long the test takes.
    int Begin(int reader, int64_t wait_us = 1) {
        int i = Take(reader, wait_us);
        read_queue_begin(&queue_, reader, later_us_);
        return i;
    }
    int Next(int reader, bool waited = false) {
        return IndexOf(read_queue_next(&queue_, reader, later_us_, waited));
    }
    // Runs all that is left, and what the readers are at.
    void Drain(int readers) {
        while (queue_.waiting > 0 || queue_.long_at_work > 0) {
            for (int reader = 0; reader < readers; reader++) {
                while (Next(reader) != kNone) {
                }
                Begin(reader);
            }
        }
    }
    void MakeSlow() {
        ASSERT_TRUE(Push(15));
        ASSERT_EQ(Begin(0), 15);
        ASSERT_EQ(Next(0, true), kNone);
    }
    void TearDown() override {
        read_queue_destroy(&queue_);
    }

    read_queue queue_;
    std::vector<store_op> ops_ = std::vector<store_op>(1000);
    int64_t later_us_ = clock_monotonic_us() + 3'600'000'000;
    bool is_open_ = false;
};

TEST_F(ReadQueue, OneReaderTakesAllInOrder) {
    Init(4);
    ops_[1].next = &ops_[7]; // of its last use
    PushAll(3);
    EXPECT_EQ(Begin(0), 0);
    EXPECT_EQ(Next(0), 1);
    EXPECT_EQ(Next(0), 2);
    EXPECT_EQ(ops_[2].next, nullptr);
    EXPECT_EQ(Next(0), kNone);
    EXPECT_EQ(Take(0), kNone);
    EXPECT_TRUE(is_open_) << "the time passed, that is all";
}

// Whatever was pushed later is read from a snapshot that was begun later.
TEST_F(ReadQueue, TurnHasOnlyWhatWasPushedBeforeItBegan) {
    Init(1);
    PushAll(1);
    EXPECT_EQ(Take(0), 0);
    EXPECT_TRUE(Push(1));
    EXPECT_TRUE(Push(2, true));
    read_queue_begin(&queue_, 0, later_us_);
    EXPECT_TRUE(Push(3));
    EXPECT_TRUE(Push(4, true));
    EXPECT_EQ(Next(0), 2);
    EXPECT_EQ(Next(0), kNone) << "what is long is the last of a turn";
    EXPECT_EQ(Begin(0), 1);
    EXPECT_TRUE(Push(5));
    EXPECT_EQ(Next(0), 4);
    EXPECT_EQ(Next(0), kNone);
    EXPECT_EQ(Begin(0), 3);
    EXPECT_EQ(Next(0), 5);
    EXPECT_TRUE(Push(6));
    EXPECT_EQ(Next(0), kNone);
    EXPECT_EQ(Take(0), 6);
}

TEST_F(ReadQueue, TurnEndsAfterSoManyOperations) {
    Init(1);
    PushAll(READ_QUEUE_TURN_OPS + 1);
    EXPECT_EQ(Begin(0), 0);
    for (int i = 1; i < READ_QUEUE_TURN_OPS; i++) {
        ASSERT_EQ(Next(0), i);
    }
    EXPECT_EQ(Next(0), kNone);
    EXPECT_EQ(Begin(0), READ_QUEUE_TURN_OPS);
}

TEST_F(ReadQueue, TurnEndsAfterSoLong) {
    Init(1);
    PushAll(3);
    EXPECT_EQ(Take(0), 0);
    read_queue_begin(&queue_, 0, 1000);
    EXPECT_EQ(IndexOf(read_queue_next(&queue_, 0, 999 + READ_QUEUE_TURN_US, false)), 1);
    EXPECT_EQ(IndexOf(read_queue_next(&queue_, 0, 1000 + READ_QUEUE_TURN_US, false)), kNone);
    EXPECT_EQ(Begin(0), 2);
}

TEST_F(ReadQueue, WhileOneGetsOnTheOthersLeaveItAll) {
    Init(4);
    PushAll(3);
    EXPECT_EQ(Begin(0), 0);
    EXPECT_EQ(Take(1), kNone);
    EXPECT_EQ(Take(3), kNone);
    EXPECT_EQ(Next(0), 1);
    EXPECT_EQ(Next(0), 2);
}

TEST_F(ReadQueue, OneThatStallsIsLeftAloneWithWhatItRuns) {
    Init(4);
    PushAll(4);
    int64_t begun_us = 0;
    for (int reader = 0; reader < 4; reader++) {
        int64_t start_us = clock_monotonic_us();
        EXPECT_EQ(Take(reader, kForeverUs), reader) << "the one before stalls too";
        if (reader > 0) {
            EXPECT_GE(clock_monotonic_us() - begun_us, READ_QUEUE_STALL_US);
            EXPECT_LT(clock_monotonic_us() - start_us, kForeverUs / 2);
        }
        begun_us = clock_monotonic_us();
        read_queue_begin(&queue_, reader, begun_us);
    }
}

TEST_F(ReadQueue, OneThatStalledIsFirstAgainOnceItIsBack) {
    Init(2);
    PushAll(3);
    EXPECT_EQ(Take(0), 0);
    read_queue_begin(&queue_, 0, 1);
    EXPECT_EQ(Begin(1), 1);
    EXPECT_EQ(Next(0), kNone);
    EXPECT_EQ(Begin(0), 2) << "though reader 1 gets on";
    EXPECT_TRUE(Push(3));
    EXPECT_EQ(Next(1), kNone);
    EXPECT_EQ(Take(1), kNone);
    EXPECT_EQ(Next(0), kNone);
    EXPECT_EQ(Take(0), 3);
}

// What is at the gate, or ends its snapshot, is no stall.
TEST_F(ReadQueue, OneThatHasNotBegunHasNotStalled) {
    Init(2);
    PushAll(2);
    EXPECT_EQ(Take(0), 0);
    EXPECT_EQ(Take(1, 5 * READ_QUEUE_STALL_US), kNone);
    read_queue_begin(&queue_, 0, 1);
    EXPECT_EQ(Take(1, kForeverUs), 1);
}

TEST_F(ReadQueue, AfterAWaitForTheDiskAllTakeAtOnceUntilEnoughWereQuick) {
    Init(4);
    MakeSlow();
    PushAll(4);
    for (int reader = 0; reader < 4; reader++) {
        ASSERT_EQ(Begin(reader), reader);
    }
    for (int reader = 1; reader < 4; reader++) {
        ASSERT_EQ(Next(reader), kNone);
        ASSERT_EQ(Take(reader), kNone);
    }
    for (int i = 3; i < READ_QUEUE_QUICK_ENOUGH; i++) {
        ASSERT_TRUE(Push(20));
        ASSERT_EQ(Begin(1), 20) << i;
        ASSERT_EQ(Next(1), kNone);
    }
    EXPECT_TRUE(Push(20));
    EXPECT_EQ(Take(1), kNone) << "reader 0 gets on";
    EXPECT_EQ(Next(0), kNone);
    EXPECT_EQ(Take(0), 20);
}

TEST_F(ReadQueue, LongOnesAreNoReasonToWait) {
    Init(4);
    EXPECT_TRUE(Push(0, true));
    EXPECT_TRUE(Push(1));
    EXPECT_EQ(Take(0), 0);
    EXPECT_EQ(Take(1), 1);
    EXPECT_EQ(Take(2), kNone);
}

TEST_F(ReadQueue, LongOnesOccupyHalfOfTheReaders) {
    for (int readers : {1, 2, 3, 4}) {
        SCOPED_TRACE(readers);
        Init(readers);
        for (int i = 0; i < 4; i++) {
            EXPECT_TRUE(Push(i, true));
        }
        int most = readers > 1 ? readers / 2 : 1;
        for (int i = 0; i < most; i++) {
            ASSERT_EQ(Begin(i, kForeverUs), i);
        }
        for (int i = most; i < readers; i++) {
            ASSERT_EQ(Take(i), kNone);
        }
        EXPECT_TRUE(Push(10));
        EXPECT_EQ(Begin(most), most < readers ? 10 : kNone);
        Drain(readers);
        if (readers < 4) {
            TearDown();
        }
    }
}

TEST_F(ReadQueue, LanesTakeTurns) {
    Init(2);
    for (int i = 0; i < 3; i++) {
        EXPECT_TRUE(Push(i));
        EXPECT_TRUE(Push(10 + i, true));
    }
    std::vector<int> taken;
    for (int i; (i = Begin(0)) != kNone;) {
        for (; i != kNone; i = Next(0)) {
            taken.push_back(i);
        }
    }
    EXPECT_EQ(taken, (std::vector<int>{10, 0, 11, 1, 12, 2}));
}

TEST_F(ReadQueue, OnlyReadersThatAreSetTake) {
    Init(1);
    MakeSlow();
    PushAll(2);
    EXPECT_EQ(Take(1), kNone);
    read_queue_set_readers(&queue_, 2);
    EXPECT_EQ(Take(1), 0);
    EXPECT_EQ(Take(0), 1);
}

TEST_F(ReadQueue, RefusesOneMoreThanItsLimitUntilThereIsRoom) {
    Init(1, 3);
    for (int round = 0; round < 3; round++) {
        EXPECT_TRUE(Push(0));
        EXPECT_TRUE(Push(1, true));
        EXPECT_TRUE(Push(2));
        EXPECT_FALSE(Push(3));
        EXPECT_FALSE(Push(3, true));
        EXPECT_EQ(Begin(0), 1) << "who was refused is not in it";
        EXPECT_TRUE(Push(4));
        EXPECT_FALSE(Push(3));
        Drain(1);
    }
    EXPECT_EQ(queue_.waiting, 0);
}

TEST_F(ReadQueue, HasTheLimitOfOtherQueuesByDefault) {
    Init(1);
    std::vector<store_op> many(OP_QUEUE_DEFAULT_LIMIT + 1);
    for (int i = 0; i < OP_QUEUE_DEFAULT_LIMIT; i++) {
        ASSERT_TRUE(read_queue_push(&queue_, &many[static_cast<size_t>(i)], false)) << i;
    }
    EXPECT_FALSE(read_queue_push(&queue_, &many.back(), false));
    store_op *op;
    while (read_queue_take(&queue_, 0, 1, &op) && op != nullptr) {
        read_queue_begin(&queue_, 0, 1);
        read_queue_next(&queue_, 0, 1, false);
    }
}

// All of it is taken once, whoever is woken when, and all readers end.
TEST_F(ReadQueue, NothingIsForgottenOrTakenTwice) {
    Init(4);
    std::vector<std::atomic<int>> taken(20000);
    std::vector<store_op> many(taken.size());
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 4; reader++) {
        readers.emplace_back([&, reader] {
            store_op *op;
            while (read_queue_take(&queue_, reader, reader == 2 ? 100 : 0, &op)) {
                if (op == nullptr) {
                    continue;
                }
                read_queue_begin(&queue_, reader, clock_monotonic_us());
                while (op != nullptr) {
                    auto i = static_cast<size_t>(op - many.data());
                    taken[i]++;
                    op = read_queue_next(&queue_, reader, clock_monotonic_us(), i % 1000 < 3);
                }
            }
        });
    }
    for (size_t i = 0; i < many.size(); i++) {
        while (!read_queue_push(&queue_, &many[i], i % 7 == 0)) {
            std::this_thread::yield();
        }
        if (i % 500 == 0) {
            std::this_thread::yield();
        }
    }
    read_queue_close(&queue_);
    for (std::thread &reader : readers) {
        reader.join();
    }
    for (size_t i = 0; i < taken.size(); i++) {
        ASSERT_EQ(taken[i], 1) << i;
    }
}

// Each of them is taken though all the others sleep: no call is lost.
TEST_F(ReadQueue, OneByOneEachIsTaken) {
    Init(4);
    std::atomic<int> taken{0};
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 4; reader++) {
        readers.emplace_back([&, reader] {
            store_op *op;
            while (read_queue_take(&queue_, reader, 0, &op)) {
                read_queue_begin(&queue_, reader, clock_monotonic_us());
                do {
                    taken++;
                    op = read_queue_next(&queue_, reader, clock_monotonic_us(), taken % 100 == 0);
                } while (op != nullptr);
            }
        });
    }
    for (int i = 0; i < 3000; i++) {
        ASSERT_TRUE(Push(i % 1000, i % 3 == 0));
        while (taken <= i) {
            std::this_thread::yield();
        }
    }
    read_queue_close(&queue_);
    for (std::thread &reader : readers) {
        reader.join();
    }
    EXPECT_EQ(taken, 3000);
}

TEST(ReadQueueDeathTest, EndsTheProcessThatForgetsWhoWaits) {
    read_queue queue;
    read_queue_init(&queue, 8);
    store_op op = {};
    EXPECT_TRUE(read_queue_push(&queue, &op, false));
    EXPECT_EXIT(read_queue_destroy(&queue), testing::KilledBySignal(SIGABRT), "waiting == 0");
    read_queue_close(&queue);
    EXPECT_EXIT(read_queue_push(&queue, &op, false), testing::KilledBySignal(SIGABRT),
                "!q->closed");
    store_op *taken;
    EXPECT_TRUE(read_queue_take(&queue, 0, 0, &taken));
    EXPECT_EQ(taken, &op);
    EXPECT_FALSE(read_queue_take(&queue, 0, 0, &taken));
    EXPECT_FALSE(read_queue_take(&queue, 3, 0, &taken)) << "who never took ends too";
    read_queue_destroy(&queue);
}

} // namespace
