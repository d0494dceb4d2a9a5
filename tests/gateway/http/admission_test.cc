#include <chrono>
#include <deque>

#include "tests/gateway/http/fixture.h"

extern "C" {
#include "gateway/admission/refusal_pace.h"
}

// What is refused when too many calls are in flight.

namespace {

class Admission : public GatewayTest {
  protected:
    void Begin(int calls, int reserved, int streams = 0) {
        struct gateway_limits limits = {};
        limits.calls_in_flight = calls;
        limits.reserved_calls = reserved;
        limits.streams = streams;
        Start(limits);
    }
    // Begins a request that the upstream holds; returns once it does.
    void Hold(const std::string &request) {
        size_t before = held_.size();
        held_.push_back(std::make_unique<Client>(port()));
        ASSERT_TRUE(held_.back()->Send(request));
        ASSERT_TRUE(upstream().AwaitHeld(before + 1));
    }
    // Ends the request that is held longest.
    void EndOne() {
        upstream().Release();
        ExpectOk(held_.front()->Receive());
        held_.pop_front();
    }

    const std::string get_ = Request("GET", "/v1/held");
    const std::string post_ = Post("/v1/held", "{}");
    const std::string echo_ = Request("GET", "/v1/echo/a");
    const std::string change_ = Post("/v1/echo", "{}");

    std::deque<std::unique_ptr<Client>> held_;
};

void ExpectOverloaded(const Reply &reply, const std::string &limit, const std::string &message) {
    ExpectError(reply, 429, "RESOURCE_EXHAUSTED", "OVERLOADED");
    EXPECT_EQ(reply.Header("retry-after"), "1");
    EXPECT_EQ(reply.Json("error.metadata.limit"), limit) << reply.body;
    EXPECT_EQ(reply.Json("message"), message);
    EXPECT_EQ(reply.Header("connection"), "Keep-Alive");
}

TEST_F(Admission, ReadsLeaveTheReserveToChanges) {
    Begin(4, 2);
    const char *for_reads =
        "There are as many calls in flight as the gateway allows before a read: 2. "
        "Nothing was changed.";
    const char *for_all =
        "There are as many calls in flight as the gateway allows: 4. Nothing was changed.";
    Client client(port());
    Hold(get_);
    ExpectOk(client.Ask(echo_));
    Hold(get_);
    ExpectOverloaded(client.Ask(echo_), "2", for_reads);
    // The same connection goes on.
    ExpectOk(client.Ask(change_));
    Hold(post_);
    ExpectOk(client.Ask(change_));
    Hold(post_);
    ExpectOverloaded(client.Ask(change_), "4", for_all);
    EXPECT_EQ(upstream().calls(), 7); // what was refused did not get there
    // Whoever ends makes room at once: first for changes, then for reads.
    EndOne();
    ExpectOk(client.Ask(change_));
    ExpectOverloaded(client.Ask(echo_), "2", for_reads);
    EndOne();
    ExpectOverloaded(client.Ask(echo_), "2", for_reads);
    EndOne();
    ExpectOk(client.Ask(echo_));
}

TEST_F(Admission, HeadIsARead) {
    Begin(2, 1);
    Hold(get_);
    Client client(port());
    Reply reply = client.Ask(Request("HEAD", "/v1/echo/a"), true);
    EXPECT_EQ(reply.status, 429);
    EXPECT_EQ(reply.Header("retry-after"), "1");
    ExpectOk(client.Ask(change_));
    EndOne();
    EXPECT_EQ(client.Ask(Request("HEAD", "/v1/echo/a"), true).status, 200);
}

TEST_F(Admission, AQuarterIsReservedByDefault) {
    Begin(4, 0);
    Hold(get_);
    Hold(get_);
    Client client(port());
    ExpectOk(client.Ask(echo_));
    Hold(get_);
    EXPECT_EQ(client.Ask(echo_).Json("error.metadata.limit"), "3");
    ExpectOk(client.Ask(change_));
}

TEST_F(Admission, NothingNeedBeReserved) {
    Begin(2, -1);
    Hold(get_);
    Client client(port());
    ExpectOk(client.Ask(echo_));
    Hold(get_);
    EXPECT_EQ(client.Ask(echo_).Json("error.metadata.limit"), "2");
    EXPECT_EQ(client.Ask(change_).Json("error.metadata.limit"), "2");
}

TEST_F(Admission, WhatNeedsNoCallIsAnswered) {
    Begin(1, -1);
    Hold(get_);
    Client client(port());
    EXPECT_EQ(client.Ask(Request("OPTIONS", "/v1/echo")).status, 204);
    ExpectError(client.Ask(Request("GET", "/v1/none")), 404, "NOT_FOUND", "ROUTE_NOT_FOUND");
    ExpectError(client.Ask(Request("PUT", "/v1/echo")), 405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED");
}

TEST_F(Admission, ManyAreRefusedAtAPaceAndEachIsAnswered) {
    constexpr int beyond = 400;
    Begin(1, -1);
    Hold(get_);
    auto begin = std::chrono::steady_clock::now();
    std::deque<Client> clients;
    for (int i = 0; i < 64; i++) {
        clients.emplace_back(port());
    }
    int refused = 0;
    while (refused < REFUSAL_PACE_AT_ONCE + beyond) {
        for (Client &client : clients) {
            client.Send(refused % 2 == 0 ? change_ : echo_);
        }
        for (Client &client : clients) {
            Reply reply = client.Receive();
            ASSERT_EQ(reply.status, 429);
            refused++;
        }
    }
    auto lasted = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(lasted, std::chrono::milliseconds(1000 * beyond / REFUSAL_PACE_PER_S));
    // What waits to be refused takes nobody's room.
    EndOne();
    ExpectOk(clients.front().Ask(change_));
}

TEST_F(Admission, AStopRefusesWhoWaitsForItAtOnce) {
    Begin(1, -1);
    Hold(get_);
    std::deque<Client> clients;
    for (int i = 0; i < 2 * REFUSAL_PACE_AT_ONCE; i++) {
        clients.emplace_back(port());
        ASSERT_TRUE(clients.back().Send(echo_));
    }
    AwaitReceived();
    Stop(0);
    for (Client &client : clients) {
        ExpectError(client.Receive(), 429, "RESOURCE_EXHAUSTED", "OVERLOADED");
        EXPECT_TRUE(client.AtEnd());
    }
}

TEST_F(Admission, WithoutEnvelopeItIsAStatusWithRetryInfo) {
    http_.envelope = ENVELOPE_NONE;
    Begin(1, -1);
    Hold(get_);
    Client client(port());
    Reply reply = client.Ask(echo_);
    EXPECT_EQ(reply.status, 429);
    EXPECT_EQ(reply.Header("retry-after"), "1");
    EXPECT_EQ(reply.Json("code"), "8");
    for (const char *part : {R"("reason":"OVERLOADED")", R"("domain":"gateway.v1")",
                             R"("metadata":{"limit":"1"})", R"("retryDelay":"1s")"}) {
        EXPECT_NE(reply.body.find(part), std::string::npos) << part << reply.body;
    }
}

// --- bodies ---

TEST_F(Admission, ABodyIsNotRead) {
    Begin(1, -1);
    Hold(get_);
    Client client(port());
    // As JSON it would be 400.
    ExpectError(client.Ask(Post("/v1/echo", "{")), 429, "RESOURCE_EXHAUSTED", "OVERLOADED");
    ExpectError(client.Ask(Post("/v1/echo", "{}")), 429, "RESOURCE_EXHAUSTED", "OVERLOADED");
    // Who asks before sending it is told before, and the connection ends.
    Reply reply = client.Ask("POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                             "Expect: 100-continue\r\nContent-Type: application/json\r\n\r\n");
    ExpectError(reply, 429, "RESOURCE_EXHAUSTED", "OVERLOADED");
    EXPECT_TRUE(client.AtEnd());
}

TEST_F(Admission, ABodyThatComesAfterTheRoomWasTakenIsRefused) {
    Begin(1, -1);
    Client client(port());
    Reply go_on = client.Ask("POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                             "Expect: 100-continue\r\nContent-Type: application/json\r\n\r\n");
    ASSERT_EQ(go_on.status, 100);
    Hold(get_); // a request that is being received holds no room
    ExpectOverloaded(
        client.Ask("{}"), "1",
        "There are as many calls in flight as the gateway allows: 1. Nothing was changed.");
    EndOne();
    ExpectOk(client.Ask(change_));
}

// --- the room comes back ---

TEST_F(Admission, AClientThatIsGoneGivesItsRoomBack) {
    Begin(1, -1);
    Hold(get_);
    Client client(port());
    EXPECT_EQ(client.Ask(echo_).status, 429);
    held_.front()->Reset();
    EXPECT_TRUE(Await([&] { return client.Ask(echo_).status == 200; }));
}

TEST_F(Admission, EveryEndGivesItsRoomBack) {
    Begin(1, -1);
    Client client(port());
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(client.Ask(Request("GET", "/v1/fail/5")).status, 404);
        EXPECT_EQ(client.Ask(Post("/v1/echo", "{")).status, 400);
        EXPECT_EQ(client.Ask(Request("GET", "/v1/garbage")).status, 500);
        EXPECT_EQ(client.Ask(Request("GET", "/v1/unknown")).status, 501);
        EXPECT_EQ(client.Ask(Request("GET", "/v1/held", "X-Request-Timeout: 0.001\r\n")).status,
                  504);
    }
    ExpectOk(client.Ask(echo_));
}

// --- streams ---

class OpenStreams : public Admission {
  protected:
    const std::string hold_ = Request("GET", "/v1/watch/hold?number=1");
    const std::string count_ = Request("GET", "/v1/watch/count?number=1");
};

TEST_F(OpenStreams, HaveALimitOfTheirOwn) {
    Begin(1, -1, 2);
    Client first(port()), second(port()), client(port());
    first.Send(hold_);
    second.Send(hold_);
    EXPECT_EQ(first.ReceiveHead().status, 200);
    EXPECT_EQ(second.ReceiveHead().status, 200);
    ExpectOverloaded(client.Ask(count_), "2",
                     "There are as many streams open without a token as the gateway allows: 2. "
                     "Nothing was changed.");
    // They are no calls in flight,
    ExpectOk(client.Ask(echo_));
    // nor the other way round.
    Hold(get_);
    second.Reset();
    EXPECT_TRUE(Await([&] {
        Client third(port());
        third.Send(hold_);
        return third.ReceiveHead().status == 200;
    }));
}

TEST_F(OpenStreams, ThatEndMakeRoom) {
    Begin(1, -1, 1);
    Client client(port());
    for (int i = 0; i < 3; i++) {
        client.Send(count_);
        EXPECT_EQ(client.ReceiveHead().status, 200);
        client.ReceiveChunks();
        EXPECT_TRUE(client.ended());
        // One that never begins.
        EXPECT_EQ(client.Ask(Request("GET", "/v1/watch/refuse?number=1")).status, 404);
    }
}

} // namespace
