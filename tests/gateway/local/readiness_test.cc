#include <chrono>
#include <condition_variable>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <string>
#include <vector>

extern "C" {
#include "base/core/container_of.h"
#include "gateway/local/readiness.h"
#include "rpc/server.h"
}

// When an upstream is asked how it is, and how long the answer counts.

namespace {

// Far from now, so that no check is ended by its deadline while a test runs.
constexpr int64_t kBeginUs = int64_t{1} << 55;
constexpr int64_t kFreshUs = READINESS_FRESH_MS * int64_t{1000};

struct Waiter {
    struct readiness_waiter waiter = {};
    int told = 0;
    bool is_ready = false;
};

class Readiness : public testing::Test {
  protected:
    Readiness() : loop_(rpc_loop_new("test")) {
        method_.path = "/grpc.health.v1.Health/Check";
        method_.handle = Check;
        method_.service = this;
        struct rpc_server_options options = {};
        options.log = &log_;
        options.methods = &method_;
        options.method_count = 1;
        options.error_domain = "test";
        server_ = rpc_server_new(loop_, &options);
        rpc_server_start(server_);
        channel_ = rpc_channel_new_in_process(loop_, server_, 0);
        struct readiness_options readiness = {&log_, loop_, {}, channel_};
        readiness_ = readiness_new(&readiness);
    }
    ~Readiness() override {
        readiness_free(readiness_);
        rpc_channel_free(channel_);
        rpc_server_stop(server_, 10'000);
        rpc_server_free(server_);
        rpc_loop_free(loop_);
    }
    // On the loop's thread.
    void Run(const std::function<void()> &function) {
        rpc_loop_call(
            loop_, [](void *f) { (*static_cast<const std::function<void()> *>(f))(); },
            const_cast<std::function<void()> *>(&function));
    }
    enum readiness_answer Look(int64_t now_us) {
        enum readiness_answer answer = READINESS_NO;
        Run([&] { answer = readiness_look(readiness_, now_us); });
        return answer;
    }
    void Ask(Waiter *waiter, int64_t now_us) {
        waiter->waiter.known = [](struct readiness_waiter *w, bool is_ready) {
            Waiter *self = CONTAINER_OF(w, Waiter, waiter);
            self->told++;
            self->is_ready = is_ready;
        };
        Run([&] { readiness_ask(readiness_, &waiter->waiter, now_us); });
    }
    // Answers the check that comes next, or has come; returns once it is over.
    void Answer(int status) {
        std::unique_lock<std::mutex> lock(mutex_);
        ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30), [&] { return call_; }));
        const uint8_t bytes[] = {8, static_cast<uint8_t>(status)};
        struct slice part = slice_of(bytes, sizeof(bytes));
        rpc_server_call_reply(call_, &part, 1);
        call_ = nullptr;
        lock.unlock();
        for (bool is_asking = true; is_asking;) {
            Run([&] { is_asking = readiness_is_asking(readiness_); });
        }
    }
    int checks() {
        std::lock_guard<std::mutex> lock(mutex_);
        return checks_;
    }

    struct rpc_loop *loop_;
    struct readiness *readiness_;

  private:
    static void Check(void *self, struct rpc_server_call *call) {
        auto *test = static_cast<Readiness *>(self);
        std::lock_guard<std::mutex> lock(test->mutex_);
        test->checks_++;
        test->call_ = call;
        test->changed_.notify_all();
    }

    struct logger log_ = {-1, LOG_ERROR, "test", nullptr};
    struct rpc_method method_ = {};
    struct rpc_server *server_;
    struct rpc_channel *channel_;
    std::mutex mutex_;
    std::condition_variable changed_;
    struct rpc_server_call *call_ = nullptr;
    int checks_ = 0;
};

TEST_F(Readiness, NothingIsKnownBeforeSomebodyAsks) {
    EXPECT_EQ(Look(kBeginUs), READINESS_UNKNOWN);
    EXPECT_EQ(checks(), 0);
}

TEST_F(Readiness, AnAnswerCountsSinceItsCheckBegan) {
    Waiter first, second;
    Ask(&first, kBeginUs);
    EXPECT_EQ(Look(kBeginUs), READINESS_UNKNOWN);
    Answer(1);
    EXPECT_EQ(first.told, 1);
    EXPECT_TRUE(first.is_ready);
    EXPECT_EQ(Look(kBeginUs), READINESS_YES);
    EXPECT_EQ(Look(kBeginUs + kFreshUs - 1), READINESS_YES);
    EXPECT_EQ(Look(kBeginUs + kFreshUs), READINESS_UNKNOWN);
    Ask(&second, kBeginUs + kFreshUs);
    Answer(2);
    EXPECT_EQ(second.told, 1);
    EXPECT_FALSE(second.is_ready);
    EXPECT_EQ(Look(kBeginUs + kFreshUs), READINESS_NO);
    EXPECT_EQ(Look(kBeginUs + 2 * kFreshUs), READINESS_UNKNOWN);
    EXPECT_EQ(checks(), 2);
    EXPECT_EQ(first.told, 1);
}

TEST_F(Readiness, WhoeverAsksMeanwhileWaitsForTheSameCheck) {
    std::vector<Waiter> waiters(100);
    for (size_t i = 0; i < waiters.size(); i++) {
        // However long it lasts.
        Ask(&waiters[i], kBeginUs + static_cast<int64_t>(i) * kFreshUs);
    }
    Answer(1);
    for (const Waiter &waiter : waiters) {
        EXPECT_EQ(waiter.told, 1);
        EXPECT_TRUE(waiter.is_ready);
    }
    EXPECT_EQ(checks(), 1);
}

TEST_F(Readiness, AStopIsToldAtOnceAndEndsTheCheck) {
    Waiter waiter;
    Ask(&waiter, kBeginUs);
    Run([&] { readiness_stop(readiness_); });
    EXPECT_EQ(waiter.told, 1);
    EXPECT_FALSE(waiter.is_ready);
    EXPECT_EQ(Look(kBeginUs), READINESS_NO);
    Answer(1);
    EXPECT_EQ(waiter.told, 1);
    // Nobody is asked any more.
    EXPECT_EQ(Look(kBeginUs + 10 * kFreshUs), READINESS_NO);
}

} // namespace
