extern "C" {
#include "base/thread/periodic.h"
}

#include <atomic>
#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

namespace {

enum { HOUR_MS = 3600 * 1000 };

// Counts its turns, and lets a test wait for them.
class Periodic : public testing::Test {
  protected:
    void Start(int64_t interval_ms) {
        periodic_start(&thread_, "turns", interval_ms, Turn, this);
    }
    void WaitFor(int turns) {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [&] { return turns_ >= turns; });
    }
    int Turns() {
        std::lock_guard<std::mutex> lock(mutex_);
        return turns_;
    }
    static void Turn(void *context) {
        Periodic *self = static_cast<Periodic *>(context);
        self->is_within_ = true;
        {
            std::lock_guard<std::mutex> lock(self->mutex_);
            self->turns_++;
        }
        self->changed_.notify_all();
        if (self->pauses_) {
            self->went_on_ = periodic_pause(&self->thread_, HOUR_MS * INT64_C(1000));
        }
    }

    struct periodic thread_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<bool> is_within_{false}; // the first turn has begun
    int turns_ = 0;
    bool pauses_ = false; // each turn, for an hour
    bool went_on_ = true;
};

TEST_F(Periodic, DoesNothingBeforeItsTime) {
    Start(HOUR_MS);
    periodic_stop(&thread_);
    EXPECT_EQ(Turns(), 0);
}

TEST_F(Periodic, GoesOnAndOn) {
    Start(1);
    WaitFor(3);
    periodic_stop(&thread_);
}

TEST_F(Periodic, IsWokenForOneTurn) {
    Start(HOUR_MS);
    periodic_wake(&thread_);
    WaitFor(1);
    periodic_wake(&thread_);
    WaitFor(2);
    periodic_stop(&thread_); // an hour sooner
    EXPECT_EQ(Turns(), 2);
}

TEST_F(Periodic, AWakeDuringATurnIsNotLost) {
    Start(HOUR_MS);
    std::unique_lock<std::mutex> lock(mutex_); // the first turn waits for it
    periodic_wake(&thread_);
    while (!is_within_) {
        std::this_thread::yield();
    }
    periodic_wake(&thread_);
    lock.unlock();
    WaitFor(2);
    periodic_stop(&thread_);
}

TEST_F(Periodic, APauseWithinATurnEndsWithTheStop) {
    pauses_ = true;
    Start(1);
    WaitFor(1);
    EXPECT_FALSE(periodic_is_stopping(&thread_));
    periodic_stop(&thread_);
    EXPECT_FALSE(went_on_);
}

TEST_F(Periodic, APauseThatEndsLetsTheTurnGoOn) {
    Start(HOUR_MS);
    EXPECT_TRUE(periodic_pause(&thread_, 1));
    periodic_stop(&thread_);
}

} // namespace
