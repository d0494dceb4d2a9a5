#include <atomic>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/rpc/fixture.h"

extern "C" {
#include "base/core/clock.h"
#include "rpc/server_long_poll.h"
}

namespace {

const int64_t kPatienceUs = 60'000'000;

bool Await(const std::function<bool()> &condition) {
    int64_t until_us = clock_monotonic_us() + kPatienceUs;
    while (!condition() && clock_monotonic_us() < until_us) {
        std::this_thread::yield();
    }
    return condition();
}

// /test.Service/Poll waits until the test answers it.
struct Polls {
    std::mutex mutex;
    std::vector<struct rpc_server_call *> open;
    std::atomic<int> begun{0};
    std::atomic<int> gone{0};
    std::atomic<int> refused{0};

    static void Gone(void *self) {
        auto *polls = static_cast<Polls *>(self);
        polls->gone++;
        polls->Answer();
    }
    static void Handle(void *self, struct rpc_server_call *call) {
        auto *polls = static_cast<Polls *>(self);
        if (!rpc_server_long_poll_begin(call, Gone, self)) {
            polls->refused++;
            struct slice none = SLICE_EMPTY;
            rpc_server_call_reply(call, &none, 1);
            return;
        }
        std::lock_guard<std::mutex> lock(polls->mutex);
        polls->open.push_back(call);
        polls->begun++;
    }
    // Answers the oldest one.
    void Answer() {
        struct rpc_server_call *call;
        {
            std::lock_guard<std::mutex> lock(mutex);
            ASSERT_FALSE(open.empty());
            call = open.front();
            open.erase(open.begin());
        }
        struct slice reply = slice_of_cstr("at last");
        rpc_server_call_reply(call, &reply, 1);
    }
    std::vector<struct rpc_method> Methods() {
        struct rpc_method method = {};
        method.path = "/test.Service/Poll";
        method.handle = Handle;
        method.service = this;
        return {method};
    }
};

class LongPoll : public ::testing::TestWithParam<Transport> {};

TEST_P(LongPoll, TakesNoPlaceFromCalls) {
    Polls polls;
    Link link(GetParam(), 0, 1, 0, polls.Methods());
    Call waiting(*link.channel, "/test.Service/Poll", "");
    waiting.Start();
    ASSERT_TRUE(Await([&] { return polls.begun == 1; }));
    for (int i = 0; i < 3; i++) {
        Call echo(*link.channel, "/test.Service/Echo", "reply");
        EXPECT_EQ(echo.Run().response(), "reply") << echo.message();
    }
    polls.Answer();
    EXPECT_EQ(waiting.Await().response(), "at last");
    EXPECT_EQ(polls.gone, 0);
}

TEST_P(LongPoll, HearsThatItsCallerIsGone) {
    Polls polls;
    Link link(GetParam(), 0, 1, 0, polls.Methods());
    Call cancelled(*link.channel, "/test.Service/Poll", "");
    cancelled.Start();
    ASSERT_TRUE(Await([&] { return polls.begun == 1; }));
    EXPECT_EQ(cancelled.Cancel().Await().code(), STATUS_CANCELLED);
    EXPECT_TRUE(Await([&] { return polls.gone == 1; }));
    Call late(*link.channel, "/test.Service/Poll", "");
    late.DeadlineIn(200'000).Start();
    EXPECT_EQ(late.Await().code(), STATUS_DEADLINE_EXCEEDED);
    EXPECT_TRUE(Await([&] { return polls.gone == polls.begun; }));
}

TEST_P(LongPoll, IsCountedUntilItsEnd) {
    Polls polls;
    Link link(GetParam(), 0, 1, 0, polls.Methods());
    for (int i = 0; i < 50; i++) { // call objects are used again
        Call waiting(*link.channel, "/test.Service/Poll", "");
        waiting.Start();
        ASSERT_TRUE(Await([&] { return polls.begun == i + 1; }));
        polls.Answer();
        EXPECT_EQ(waiting.Await().response(), "at last");
        Call echo(*link.channel, "/test.Service/Echo", "reply");
        EXPECT_EQ(echo.Run().response(), "reply") << echo.message();
    }
    EXPECT_EQ(polls.refused + polls.gone, 0);
}

TEST_P(LongPoll, AStopThatWaitsNoLongerAnswersIt) {
    Polls polls;
    Link link(GetParam(), 0, 1, 0, polls.Methods());
    Call waiting(*link.channel, "/test.Service/Poll", "");
    waiting.Start();
    ASSERT_TRUE(Await([&] { return polls.begun == 1; }));
    std::thread late([&] {
        waiting.Await();
        polls.Answer(); // the handler answers after all
    });
    EXPECT_FALSE(link.server.Stop(50));
    late.join();
    EXPECT_EQ(waiting.code(), STATUS_UNAVAILABLE);
    EXPECT_EQ(polls.gone, 0);
}

INSTANTIATE_TEST_SUITE_P(Transports, LongPoll,
                         testing::Values(Transport::kInProcess, Transport::kLocal,
                                         Transport::kInProcessTwoLoops, Transport::kUnix),
                         TransportName);

} // namespace
