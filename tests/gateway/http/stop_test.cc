#include <atomic>
#include <future>
#include <thread>

#include "tests/gateway/http/fixture.h"

extern "C" {
#include "base/core/clock.h"
}

// A stop and the requests that are on their way: in the queue of connections to be
// accepted, on idle connections, half received.

namespace {

constexpr int64_t kLongDrainMs = 1000LL * kPatienceSeconds;
constexpr int64_t kGraceMs = 500; // STOP_GRACE_MS of http_server.c

class StopTest : public GatewayTest {
  protected:
    // Stops on another thread; returns when connections are not taken any more.
    void BeginStop(int64_t drain_ms) {
        stopping_us_ = clock_monotonic_us();
        stop_ = std::thread([this, drain_ms] { Stop(drain_ms); });
        ASSERT_TRUE(Await([this] { return !Client(port()).connected(); }));
    }
    void EndStop() {
        stop_.join();
    }
    int64_t SinceStopMs() const {
        return (clock_monotonic_us() - stopping_us_) / 1000;
    }

  private:
    std::thread stop_;
    int64_t stopping_us_ = 0;
};

std::string Echo(const std::string &text) {
    return Post("/v1/echo", "{\"text\":\"" + text + "\"}");
}

TEST_F(StopTest, ARequestOnItsWayOnAnIdleConnectionIsServed) {
    Start();
    constexpr int kClients = 64;
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < kClients; i++) {
        clients.push_back(std::make_unique<Client>(port()));
        ExpectOk(clients.back()->Ask(Echo("a")));
    }
    BeginStop(kLongDrainMs);
    for (auto &client : clients) {
        bool sent = client->Send(Echo("b"));
        bool must = SinceStopMs() < kGraceMs;
        Reply reply = sent ? client->Receive() : Reply();
        EXPECT_TRUE(reply.status == 200 || !must);
        if (reply.status == 200) {
            EXPECT_EQ(reply.Header("connection"), "close");
            EXPECT_EQ(reply.Header("keep-alive"), "(none)");
            EXPECT_TRUE(client->AtCleanEnd());
        }
    }
    EndStop();
}

TEST_F(StopTest, OnlyForAMomentItWaitsForThem) {
    Start();
    Client idle(port()), never_used(port());
    ExpectOk(idle.Ask(Echo("a")));
    BeginStop(kLongDrainMs);
    EXPECT_TRUE(idle.AtCleanEnd());
    EXPECT_TRUE(never_used.AtCleanEnd());
    EndStop();
    EXPECT_LT(SinceStopMs(), kLongDrainMs / 2);
}

TEST_F(StopTest, WithoutConnectionsItIsOverAtOnce) {
    Start();
    for (int i = 0; i < 3; i++) { // the quickest counts
        int64_t begin_us = clock_monotonic_us();
        Stop(kLongDrainMs);
        if (clock_monotonic_us() - begin_us < kGraceMs * 1000) {
            return;
        }
        Start();
    }
    ADD_FAILURE() << "it waited for nobody";
}

// The HTTP thread is held up until clients are connected and a stop begins.
TEST_F(StopTest, WhoIsConnectedButNotAcceptedIsServed) {
    if (!one_thread()) {
        GTEST_SKIP() << "the upstream cannot hold up the HTTP thread";
    }
    Start();
    std::promise<void> entered, go;
    std::shared_future<void> gone = go.get_future().share();
    upstream().SetHook([&entered, gone] {
        entered.set_value();
        gone.wait();
    });
    Client busy(port());
    ASSERT_TRUE(busy.Send(Echo("busy")));
    entered.get_future().wait();
    upstream().SetHook({});
    constexpr int kClients = 100; // more than libmicrohttpd accepts at once
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < kClients; i++) {
        clients.push_back(std::make_unique<Client>(port()));
        ASSERT_TRUE(clients.back()->Send(Echo(std::to_string(i))));
    }
    std::thread stop([this] { Stop(kLongDrainMs); });
    go.set_value();
    for (int i = 0; i < kClients; i++) {
        Reply reply = clients[i]->Receive();
        EXPECT_EQ(reply.Json("data.text"), std::to_string(i));
        EXPECT_TRUE(clients[i]->AtCleanEnd());
    }
    ExpectOk(busy.Receive());
    stop.join();
}

TEST_F(StopTest, ARequestWhoseBodyComesWithinTheDrainIsServed) {
    Start();
    Client head(port()), first_line(port());
    std::string request = Echo("late");
    ASSERT_TRUE(head.Send(request.substr(0, request.size() - 3)));
    ExpectOk(first_line.Ask(Echo("a")));
    // What follows a reply within 50 ms is not told from the request before.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ASSERT_TRUE(first_line.Send(request.substr(0, 6)));
    BeginStop(kLongDrainMs);
    // Those that are idle are closed, these are not.
    EXPECT_TRUE(Await([&] { return SinceStopMs() > 2 * kGraceMs; }));
    EXPECT_TRUE(head.Quiet());
    EXPECT_TRUE(first_line.Quiet());
    ASSERT_TRUE(head.Send(request.substr(request.size() - 3)));
    ASSERT_TRUE(first_line.Send(request.substr(6)));
    EXPECT_EQ(head.Receive().Json("data.text"), "late");
    EXPECT_EQ(first_line.Receive().Json("data.text"), "late");
    EXPECT_TRUE(head.AtCleanEnd());
    EXPECT_TRUE(first_line.AtCleanEnd());
    EndStop();
    EXPECT_LT(SinceStopMs(), kLongDrainMs);
}

TEST_F(StopTest, WhatIsNotReceivedByTheEndOfTheDrainIsRefusedAndNotCarriedOut) {
    Start();
    Client client(port());
    ASSERT_TRUE(client.Send("POST /v1/echo HTTP/1.1\r\nHost: h\r\nX-Request-Id: half\r\n"
                            "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{"));
    Client witness(port());
    ExpectOk(witness.Ask(Echo("a"))); // by then the half was received
    Stop(100);
    Reply reply = client.Receive();
    ExpectError(reply, 503, "UNAVAILABLE", "SERVER_STOPPING");
    EXPECT_EQ(reply.Json("requestId"), "half");
    EXPECT_EQ(reply.Header("connection"), "close");
    EXPECT_EQ(reply.Header("retry-after"), "1");
    EXPECT_TRUE(client.AtCleanEnd());
    EXPECT_NE(LogLine("\"requestId\":\"half\"").find("\"status\":503"), std::string::npos);
    EXPECT_EQ(upstream().calls(), 1);
}

TEST_F(StopTest, TakesNoLongerThanItsDrainWithWhatNeverEnds) {
    Start();
    Client half(port()), held(port()), unread(port(), true);
    ASSERT_TRUE(half.Send("POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{"));
    ASSERT_TRUE(held.Send(Request("GET", "/v1/held")));
    ASSERT_TRUE(unread.Send(Request("GET", "/v1/sized/3000000")));
    ASSERT_TRUE(upstream().AwaitHeld(1));
    ASSERT_TRUE(Await([&] { return !unread.Quiet(); }));
    int64_t begin_us = clock_monotonic_us();
    Stop(1000);
    int64_t ms = (clock_monotonic_us() - begin_us) / 1000;
    EXPECT_GE(ms, 1000);
    EXPECT_LT(ms, 1000 + kLongDrainMs / 2);
    ExpectError(held.Receive(), 503, "UNAVAILABLE", "SERVER_STOPPING");
}

// Clients that ask again and again, each at its own pace: each request within the grace
// is answered, and what is not answered was not carried out.
TEST_F(StopTest, WhileClientsPauseAndAskEachRequestIsAnsweredOrChangedNothing) {
    Start();
    std::atomic<int64_t> stopping_us = INT64_MAX;
    std::atomic<int> answered = 0, lost_in_time = 0, odd = 0, ready = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 16; t++) {
        threads.emplace_back([&, t] {
            Client client(port());
            for (int i = 0;; i++) {
                bool sent = client.Send(Echo("x"));
                int64_t sent_us = clock_monotonic_us();
                Reply reply = sent ? client.Receive() : Reply();
                ready += i == 3;
                if (reply.status == 0) {
                    int64_t stop_us = stopping_us;
                    lost_in_time += stop_us == INT64_MAX || sent_us < stop_us + kGraceMs * 1000;
                    return;
                }
                odd += reply.status != 200;
                answered++;
                if (reply.Header("connection") == "close") {
                    return;
                }
                std::this_thread::sleep_for(std::chrono::milliseconds(t * 7 % 60));
            }
        });
    }
    ASSERT_TRUE(Await([&] { return ready == 16; }));
    stopping_us = clock_monotonic_us();
    Stop(kLongDrainMs);
    for (auto &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(lost_in_time, 0);
    EXPECT_EQ(odd, 0);
    EXPECT_EQ(answered, upstream().calls());
}

} // namespace
