#include <chrono>

#include "tests/gateway/http/fixture.h"

extern "C" {
#include "gateway/admission/call_window.h"
}

// Calls that wait in the gateway while the upstream has as many as it may.

namespace {

class Window : public GatewayTest {
  protected:
    Window() {
        upstream_window_ = 2;
    }
    // Fills the window with calls that the upstream holds.
    void Fill() {
        Start();
        for (size_t i = 1; i <= 2; i++) {
            ASSERT_TRUE(Send(held_).connected());
            ASSERT_TRUE(upstream().AwaitHeld(i));
        }
    }
    // Sends a request over a connection of its own.
    Client &Send(const std::string &request) {
        clients_.push_back(std::make_unique<Client>(port()));
        EXPECT_TRUE(clients_.back()->Send(request));
        return *clients_.back();
    }

    const std::string held_ = Request("GET", "/v1/held");
    const std::string echo_ = Request("GET", "/v1/echo/a");
    const std::string change_ = Post("/v1/echo", "{}");

    std::vector<std::unique_ptr<Client>> clients_;
};

TEST_F(Window, WhoFindsNoRoomGoesWhenACallEnds) {
    Fill();
    Client &read = Send(echo_);
    Client &change = Send(change_);
    upstream().Release();
    ExpectOk(change.Receive());
    ExpectOk(read.Receive());
    ExpectOk(clients_[0]->Receive());
    upstream().Release();
    ExpectOk(clients_[1]->Receive());
}

TEST_F(Window, AllOfManyAreAnswered) {
    upstream().ReleaseAll();
    Start();
    for (int i = 0; i < 60; i++) {
        const std::string *requests[] = {&held_, &echo_, &change_};
        Send(*requests[i % 3]);
    }
    for (auto &client : clients_) {
        ExpectOk(client->Receive());
        ExpectOk(client->Ask(echo_));
    }
}

TEST_F(Window, AnUpstreamThatStallsKeepsNobodyWaiting) {
    Fill();
    auto begin = std::chrono::steady_clock::now();
    Send(held_);
    ASSERT_TRUE(upstream().AwaitHeld(3));
    auto waited = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(waited, std::chrono::microseconds(CALL_WINDOW_PATIENCE_US));
    ExpectOk(Send(echo_).Receive());
    upstream().ReleaseAll();
    for (size_t i = 0; i < 3; i++) {
        ExpectOk(clients_[i]->Receive());
    }
    ExpectOk(clients_[0]->Ask(echo_));
}

TEST_F(Window, ACallThatWaitsByItselfTakesNoPlaceInIt) {
    struct gateway_limits limits = {};
    limits.calls_in_flight = 3;
    limits.reserved_calls = 1;
    limits.anonymous_streams = 4;
    Start(limits);
    const std::string waits = Post("/v1/held", "{\"wait\":\"60s\"}");
    for (size_t i = 1; i <= 4; i++) {
        Send(waits);
        ASSERT_TRUE(upstream().AwaitHeld(i));
    }
    // Nor among the calls in flight: it is counted as a stream.
    auto begin = std::chrono::steady_clock::now();
    ExpectOk(Send(echo_).Receive());
    ExpectOk(Send(change_).Receive());
    auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(took, std::chrono::microseconds(CALL_WINDOW_PATIENCE_US));
    Reply refused = Send(waits).Receive();
    ExpectError(refused, 429, "RESOURCE_EXHAUSTED", "OVERLOADED");
    EXPECT_NE(refused.Json("message").find("streams open"), std::string::npos);
    // Room comes back, and none of the window was given back for them.
    upstream().ReleaseAll();
    for (size_t i = 0; i < 4; i++) {
        ExpectOk(clients_[i]->Receive());
    }
    ExpectOk(Send(waits).Receive());
    ExpectOk(Send(echo_).Receive());
}

TEST_F(Window, ADeadlineThatPassesMeanwhileIs504) {
    Fill();
    Reply reply = Send(Request("GET", "/v1/echo/a", "X-Request-Timeout: 0.05\r\n")).Receive();
    ExpectError(reply, 504, "DEADLINE_EXCEEDED", "DEADLINE_PASSED");
    EXPECT_EQ(upstream().calls(), 2);
}

TEST_F(Window, AClientThatLeavesMeanwhileTakesNoRoom) {
    Fill();
    for (int i = 0; i < 4; i++) {
        Send(echo_).Reset();
    }
    upstream().ReleaseAll();
    for (size_t i = 0; i < 2; i++) {
        ExpectOk(clients_[i]->Receive());
    }
    for (int i = 0; i < 4; i++) {
        ExpectOk(Send(echo_).Receive());
    }
}

TEST_F(Window, AStopEndsWhoWaits) {
    Fill();
    // Also whom its patience lets go to the upstream is held there.
    for (int i = 0; i < 8; i++) {
        Send(i % 2 == 0 ? held_ : Post("/v1/held", "{}"));
    }
    AwaitReceived();
    Stop(0);
    for (size_t i = 0; i < clients_.size(); i++) {
        Reply reply = clients_[i]->Receive();
        bool is_change = i >= 2 && i % 2 == 1; // the first two are Fill's
        // Of a change that its patience has let go the outcome is not known.
        bool is_unknown = reply.Json("error.reason") == "OUTCOME_UNKNOWN";
        EXPECT_TRUE(is_change || !is_unknown);
        ExpectError(reply, 503, "UNAVAILABLE", is_unknown ? "OUTCOME_UNKNOWN" : "SERVER_STOPPING");
        EXPECT_TRUE(clients_[i]->AtEnd());
    }
}

} // namespace
