#include <chrono>
#include <future>
#include <thread>

#include "tests/gateway/http/fixture.h"

extern "C" {
#include "base/core/clock.h"
#include "gateway/connection/linger.h"
#include "gateway/connection/reaper.h"
}

// Connections between requests, and how they end: what reached the socket in time is
// answered.

namespace {

using std::chrono::milliseconds;

class Idle : public GatewayTest {
  protected:
    void StartIdle(int64_t idle_ms) {
        struct gateway_limits limits = {};
        limits.idle_timeout_ms = idle_ms;
        Start(limits);
    }
};

std::string Get(const std::string &version, const std::string &headers,
                const char *path = "/v1/echo/a") {
    return std::string("GET ") + path + " HTTP/" + version + "\r\nHost: h\r\n" + headers + "\r\n";
}

TEST_F(Idle, ClientsAreToldHowLongAConnectionIsKept) {
    StartIdle(7999);
    const struct {
        std::string request;
        int status;
        const char *connection;
        const char *keep_alive;
    } rows[] = {
        {Get("1.1", ""), 200, "Keep-Alive", "timeout=7"},
        {Get("1.1", "Connection: keep-alive\r\n"), 200, "Keep-Alive", "timeout=7"},
        {Get("1.1", "Connection: te, x\r\n"), 200, "Keep-Alive", "timeout=7"},
        {Get("1.1", "Connection: close\r\n"), 200, "close", "(none)"},
        {Get("1.1", "Connection: x, CLOSE\r\n"), 200, "close", "(none)"},
        {Get("1.1", "Connection: x\r\nConnection: close\r\n"), 200, "close", "(none)"},
        {Get("1.0", ""), 200, "close", "(none)"},
        {Get("1.0", "Connection: Keep-Alive\r\n"), 200, "Keep-Alive", "timeout=7"},
        {Get("1.1", "", "/none"), 404, "Keep-Alive", "timeout=7"},
        {Get("1.1", "", "/v1/fail/9"), 409, "Keep-Alive", "timeout=7"},
        {Request("OPTIONS", "/v1/echo/a"), 204, "Keep-Alive", "timeout=7"},
        {Get("1.1", "Host: h\r\n"), 400, "close", "(none)"},
        {Request("POST", "/v1/echo", "Content-Length: 1000000000\r\n"), 413, "close", "(none)"},
    };
    for (const auto &row : rows) {
        Client client(port());
        Reply reply = client.Ask(row.request);
        EXPECT_EQ(reply.status, row.status) << row.request;
        EXPECT_EQ(reply.Header("connection"), row.connection) << row.request;
        EXPECT_EQ(reply.Header("keep-alive"), row.keep_alive) << row.request;
        if (std::string(row.connection) == "close") {
            EXPECT_TRUE(client.AtEnd()) << row.request;
        } else {
            EXPECT_EQ(client.Ask(Get("1.1", "")).status, 200) << row.request;
        }
    }
}

TEST_F(Idle, UnlessItSaysOtherwiseThatIsLongerThanLoadBalancersKeepThem) {
    Start();
    EXPECT_EQ(Client(port()).Ask(Get("1.1", "")).Header("keep-alive"), "timeout=75");
}

TEST_F(Idle, AStreamTellsItTooUnlessItsEndIsTheConnections) {
    StartIdle(7000);
    const struct {
        std::string verb, version, headers;
        const char *connection;
    } rows[] = {
        {"GET", "1.1", "", "Keep-Alive"}, {"GET", "1.1", "Connection: close\r\n", "close"},
        {"GET", "1.0", "", "close"},      {"GET", "1.0", "Connection: keep-alive\r\n", "close"},
        {"HEAD", "1.1", "", "close"},
    };
    for (const auto &row : rows) {
        Client client(port());
        client.Send(row.verb + " /v1/watch/count?number=1 HTTP/" + row.version + "\r\nHost: h\r\n" +
                    row.headers + "\r\n");
        Reply reply = client.ReceiveHead();
        EXPECT_EQ(reply.status, 200) << row.verb << row.version << row.headers;
        EXPECT_EQ(reply.Header("connection"), row.connection)
            << row.verb << row.version << row.headers;
        EXPECT_EQ(reply.Header("keep-alive"),
                  std::string(row.connection) == "close" ? "(none)" : "timeout=7")
            << row.verb << row.version << row.headers;
    }
}

// The HTTP thread is held up until a connection's time is over; meanwhile a request
// arrives on it.
TEST_F(Idle, ARequestThatArrivedIsAnsweredThoughTheTimeIsOver) {
    if (!one_thread()) {
        GTEST_SKIP() << "the upstream cannot hold up the HTTP thread";
    }
    StartIdle(1);
    for (int round = 0; round < 3; round++) {
        std::promise<void> entered, go;
        std::shared_future<void> gone = go.get_future().share();
        Client late(port()), busy(port());
        ExpectOk(late.Ask(Post("/v1/echo", "{\"text\":\"a\"}")));
        upstream().SetHook([&entered, gone] {
            entered.set_value();
            gone.wait();
        });
        ASSERT_TRUE(busy.Send(Get("1.1", "")));
        entered.get_future().wait();
        upstream().SetHook({});
        std::this_thread::sleep_for(milliseconds(1 + REAPER_GRACE_MS + 50)); // its time passes
        ASSERT_TRUE(late.Send(Post("/v1/echo", "{\"text\":\"b\"}")));
        go.set_value();
        EXPECT_EQ(late.Receive().Json("data.text"), "b");
        ExpectOk(busy.Receive());
    }
}

// Whatever the machine's load: sent so early by the client's own clock, which starts
// before ours, it must be answered.
TEST_F(Idle, WhatIsSentInTheTimeThatClientsAreToldIsAnswered) {
    constexpr int kClients = 200, kToldMs = 1000;
    StartIdle(kToldMs);
    std::vector<std::unique_ptr<Client>> clients;
    std::vector<int64_t> asked_us;
    for (int i = 0; i < kClients; i++) {
        clients.push_back(std::make_unique<Client>(port()));
        asked_us.push_back(clock_monotonic_us());
        ExpectOk(clients.back()->Ask(Get("1.1", "")));
    }
    int in_time = 0, answered = 0;
    for (int i = 0; i < kClients; i++) {
        // From long before the end to long behind it.
        int64_t pause_us = (kToldMs - 500 + i * (1000 + REAPER_GRACE_MS) / kClients) * 1000;
        int64_t wait_us = asked_us[i] + pause_us - clock_monotonic_us();
        if (wait_us > 0) {
            std::this_thread::sleep_for(std::chrono::microseconds(wait_us));
        }
        int64_t calls = upstream().calls();
        bool sent = clients[i]->Send(Post("/v1/echo", "{\"text\":\"b\"}"));
        bool must = clock_monotonic_us() - asked_us[i] < (kToldMs + REAPER_GRACE_MS) * 1000;
        Reply reply = sent ? clients[i]->Receive() : Reply();
        in_time += must;
        answered += reply.status == 200;
        EXPECT_TRUE(reply.status == 200 || !must) << i;
        EXPECT_EQ(upstream().calls() - calls, reply.status == 200) << i;
    }
    EXPECT_GT(in_time, 0);
    EXPECT_LT(answered, kClients) << "no connection was closed";
}

TEST_F(Idle, AConnectionThatIsOpenedEarlyAndUsedLateIsServed) {
    struct gateway_limits limits = {};
    limits.request_timeout_ms = 100;
    Start(limits);
    Client early(port()), witness(port());
    ExpectOk(witness.Ask(Get("1.1", "")));
    for (int i = 0; i < 3; i++) {
        // By the time these were given up, it would have been too.
        Client slow(port());
        slow.Send("GET /v1/echo/a HTTP/1.1\r\nHost: h\r\n");
        ExpectError(slow.Receive(), 408, "DEADLINE_EXCEEDED", "REQUEST_TIMEOUT");
    }
    std::this_thread::sleep_for(milliseconds(1500)); // some looks of who looks now and then
    ExpectOk(early.Ask(Post("/v1/echo", "{\"text\":\"a\"}")));
    ExpectOk(witness.Ask(Get("1.1", "")));
}

TEST_F(Idle, AConnectionThatIsNeverUsedIsClosed) {
    StartIdle(1);
    Client client(port());
    int64_t begin_us = clock_monotonic_us();
    EXPECT_TRUE(client.AtCleanEnd());
    EXPECT_GE(clock_monotonic_us() - begin_us, REAPER_GRACE_MS * 1000 / 2);
}

TEST_F(Idle, AReplyThatNobodyReadsIsEnded) {
    StartIdle(1);
    Client client(port(), true);
    client.Send(Get("1.1", "X-Request-Id: unread\r\n", "/v1/sized/3000000"));
    EXPECT_NE(LogLine("\"requestId\":\"unread\""), "");
    EXPECT_LT(client.ReceiveAll().size(), 3'000'000u);
}

TEST_F(Idle, AReplyThatIsReadSlowlyIsNot) {
    StartIdle(1);
    Client client(port(), true);
    client.Send(Get("1.1", "X-Request-Id: slow\r\n", "/v1/sized/3000000"));
    // Longer than one that nobody reads may take.
    for (int i = 0; i < 2 * REAPER_GRACE_MS / 200; i++) {
        client.ReceiveSome(20'000);
        std::this_thread::sleep_for(milliseconds(200));
    }
    Reply reply = client.Receive();
    EXPECT_EQ(reply.status, 200);
    EXPECT_GT(reply.body.size(), 3'000'000u);
}

// --- the end does not overtake the reply ---

TEST_F(Idle, ARefusedClientThatGoesOnSendingReadsTheReplyAndACleanEnd) {
    Start();
    Client client(port());
    ASSERT_TRUE(
        client.Send("POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 900000000\r\n\r\n"));
    std::string block(64 << 10, 'x');
    for (int i = 0; i < 20; i++) {
        ASSERT_TRUE(client.Send(block)) << i; // a reset would fail it
    }
    ExpectError(client.Receive(), 413, "INVALID_ARGUMENT", "BODY_TOO_LARGE");
    EXPECT_TRUE(client.AtCleanEnd());
}

TEST_F(Idle, WhatComesBehindAReplyThatClosesIsNeitherServedNorReset) {
    Start();
    Client client(port());
    ASSERT_TRUE(client.Send(Get("1.1", "Connection: close\r\n") + Get("1.1", "")));
    ExpectOk(client.Receive());
    EXPECT_TRUE(client.AtCleanEnd());
    EXPECT_EQ(upstream().calls(), 1);
}

TEST_F(Idle, ASlowRequestIsNotResetBehindIts408) {
    struct gateway_limits limits = {};
    limits.request_timeout_ms = 100;
    Start(limits);
    Client client(port());
    client.Send("POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n{");
    EXPECT_TRUE(Await([&] { return !client.Quiet(); }));
    ASSERT_TRUE(client.Send("xxx"));
    ASSERT_TRUE(client.Send("xxx"));
    ExpectError(client.Receive(), 408, "DEADLINE_EXCEEDED", "REQUEST_TIMEOUT");
    EXPECT_TRUE(client.AtCleanEnd());
}

TEST_F(Idle, MoreClientsThatGoOnThanAreWaitedForAreServed) {
    Start();
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < LINGER_MOST * 2; i++) {
        clients.push_back(std::make_unique<Client>(port()));
        ExpectError(clients.back()->Ask(
                        "POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 900000000\r\n\r\n"),
                    413, "INVALID_ARGUMENT", "BODY_TOO_LARGE");
    }
    ExpectOk(Client(port()).Ask(Get("1.1", "")));
}

} // namespace
