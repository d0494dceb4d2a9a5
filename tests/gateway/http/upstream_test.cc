#include <chrono>
#include <thread>

#include "tests/gateway/http/fixture.h"

// What becomes of the ways in which the upstream answers, or does not.

namespace {

class GatewayUpstream : public GatewayTest {
  protected:
    Reply Ask(const std::string &request) {
        Client client(port());
        return client.Ask(request);
    }
};

struct CodeRow {
    const char *code;
    int number;
    int status;
};

class UpstreamCode : public GatewayUpstream, public testing::WithParamInterface<CodeRow> {};

TEST_P(UpstreamCode, BecomesItsHttpStatus) {
    Start();
    const CodeRow &row = GetParam();
    Reply reply = Ask(Request("GET", "/v1/fail/" + std::to_string(row.number)));
    ExpectError(reply, row.status, row.code, "TEST_REASON");
    EXPECT_EQ(reply.Json("message"), "failed with " + std::to_string(row.number));
    EXPECT_EQ(reply.Json("error.metadata.key"), "value \"quoted\"");
    EXPECT_EQ(reply.Header("www-authenticate"), row.status == 401 ? "Bearer" : "(none)");
    EXPECT_EQ(reply.Header("retry-after"), row.status == 429   ? "3"
                                           : row.status == 503 ? "1"
                                                               : "(none)");
    // The keys' order is the test's JSON parser's, not the reply's.
    std::string violations = reply.Json("error.fieldViolations");
    if (row.number == 3) {
        EXPECT_NE(violations.find("\"field\":\"field.path\""), std::string::npos) << violations;
        EXPECT_NE(violations.find("\"description\":\"is wrong\""), std::string::npos) << violations;
    } else {
        EXPECT_EQ(violations, "(none)");
    }
    std::string line = LogLine(reply.Json("requestId"));
    EXPECT_NE(line.find("\"code\":\"" + std::string(row.code) + "\""), std::string::npos) << line;
}

// As google.rpc.Code says, but FAILED_PRECONDITION is 409.
INSTANTIATE_TEST_SUITE_P(
    Table, UpstreamCode,
    testing::Values(CodeRow{"CANCELLED", 1, 499}, CodeRow{"UNKNOWN", 2, 500},
                    CodeRow{"INVALID_ARGUMENT", 3, 400}, CodeRow{"DEADLINE_EXCEEDED", 4, 504},
                    CodeRow{"NOT_FOUND", 5, 404}, CodeRow{"ALREADY_EXISTS", 6, 409},
                    CodeRow{"PERMISSION_DENIED", 7, 403}, CodeRow{"RESOURCE_EXHAUSTED", 8, 429},
                    CodeRow{"FAILED_PRECONDITION", 9, 409}, CodeRow{"ABORTED", 10, 409},
                    CodeRow{"OUT_OF_RANGE", 11, 400}, CodeRow{"UNIMPLEMENTED", 12, 501},
                    CodeRow{"INTERNAL", 13, 500}, CodeRow{"UNAVAILABLE", 14, 503},
                    CodeRow{"DATA_LOSS", 15, 500}, CodeRow{"UNAUTHENTICATED", 16, 401}),
    [](const auto &info) { return std::string(info.param.code); });

TEST_F(GatewayUpstream, CodeZeroIsSuccess) {
    Start();
    ExpectOk(Ask(Request("GET", "/v1/echo/a")));
}

TEST_F(GatewayUpstream, AMethodThatItDoesNotHaveIsUnimplemented) {
    Start();
    ExpectError(Ask(Request("GET", "/v1/unknown")), 501, "UNIMPLEMENTED", "METHOD_UNKNOWN");
}

TEST_F(GatewayUpstream, AMalformedReplyIsAnInternalErrorWithoutAnyOfItsData) {
    Start();
    Reply reply = Ask(Request("GET", "/v1/garbage", "X-Request-Id: bad\r\n"));
    ExpectError(reply, 500, "INTERNAL", "RESPONSE_MALFORMED");
    EXPECT_EQ(reply.body.find("cut"), std::string::npos);
    EXPECT_NE(LogLine("\"requestId\":\"bad\""), "");
}

TEST_F(GatewayUpstream, ALargeReplyArrivesWhole) {
    Start();
    constexpr size_t kSize = 3 << 20;
    Reply reply = Ask(Request("GET", "/v1/sized/" + std::to_string(kSize)));
    ASSERT_EQ(reply.status, 200);
    EXPECT_NE(reply.body.find("\"text\":\"" + std::string(kSize, 'x') + "\""), std::string::npos);
}

TEST_F(GatewayUpstream, AReplyBeyondTheLimitOfMessagesIsAnError) {
    Start();
    Reply reply = Ask(Request("GET", "/v1/sized/" + std::to_string(5 << 20)));
    ExpectError(reply, 502, "RESOURCE_EXHAUSTED", "RESPONSE_TOO_LARGE");
}

TEST_F(GatewayUpstream, ASlowReaderGetsItAllWhileOthersAreServed) {
    Start();
    constexpr size_t kSize = 3 << 20;
    Client slow(port(), true);
    ASSERT_TRUE(slow.Send(Request("GET", "/v1/sized/" + std::to_string(kSize))));
    ASSERT_TRUE(Await([&] { return upstream().calls() == 1; }));
    for (int i = 0; i < 20; i++) {
        ExpectOk(Ask(Request("GET", "/v1/echo/a")));
    }
    Reply reply = slow.Receive();
    EXPECT_EQ(reply.status, 200);
    EXPECT_GT(reply.body.size(), kSize);
}

TEST_F(GatewayUpstream, DeadlinePassedIs504) {
    Start();
    Reply reply = Ask(Request("GET", "/v1/held", "Grpc-Timeout: 50m\r\n"));
    ExpectError(reply, 504, "DEADLINE_EXCEEDED", "DEADLINE_PASSED"); // a read
    reply = Ask(Post("/v1/held", "{}", "Grpc-Timeout: 50m\r\n"));
    ExpectError(reply, 504, "DEADLINE_EXCEEDED", "OUTCOME_UNKNOWN");
}

TEST_F(GatewayUpstream, TheConfiguredDeadlineHoldsWithoutAHeader) {
    struct gateway_limits limits = {};
    limits.upstream_timeout_ms = 50;
    Start(limits);
    ExpectError(Ask(Request("GET", "/v1/held", "X-Request-Timeout: 3600\r\n")), 504,
                "DEADLINE_EXCEEDED", "DEADLINE_PASSED");
}

TEST_F(GatewayUpstream, Unreachable503UntilItIsThereAgain) {
    Start();
    Client client(port());
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a")));
    StopUpstream();
    Reply reply = client.Ask(Request("GET", "/v1/echo/a"));
    ExpectError(reply, 503, "UNAVAILABLE", "UPSTREAM_UNREACHABLE");
    ExpectError(client.Ask(Post("/v1/held", "{}")), 503, "UNAVAILABLE", "UPSTREAM_UNREACHABLE");
    EXPECT_GE(std::stoi(reply.Header("retry-after")), 1);
    StartUpstream();
    EXPECT_TRUE(Await([&] { return client.Ask(Request("GET", "/v1/echo/a")).status == 200; }));
}

// --- clients that are gone ---

class ClientGone : public GatewayUpstream {
  protected:
    // Sends a request that is held, has leave end the client, and waits until the
    // gateway gave the call up, which the upstream never answered.
    void ExpectCancelled(Client &client, const std::function<void()> &leave) {
        ASSERT_TRUE(client.Send(Request("GET", "/v1/held", "X-Request-Id: gone\r\n")));
        ASSERT_TRUE(upstream().AwaitHeld(1));
        leave();
        std::string line = LogLine("\"requestId\":\"gone\"");
        EXPECT_NE(line.find("\"code\":\"CANCELLED\""), std::string::npos) << line;
        EXPECT_EQ(upstream().held(), 1u);
        ExpectOk(Ask(Request("GET", "/v1/echo/a")));
    }

    // Waits until the gateway has looked for clients that are gone: it has found one that
    // went, whose call, the count-th that is held, stays with the upstream.
    void AwaitLook(size_t count) {
        std::string id = "look" + std::to_string(looks_++);
        Client other(port());
        ASSERT_TRUE(other.Send(Request("GET", "/v1/held", "X-Request-Id: " + id + "\r\n")));
        ASSERT_TRUE(upstream().AwaitHeld(count));
        other.Reset();
        std::string line = LogLine("\"requestId\":\"" + id + "\"");
        ASSERT_NE(line.find("\"code\":\"CANCELLED\""), std::string::npos) << line;
    }

  private:
    int looks_ = 0;
};

TEST_F(ClientGone, AResetBehindPipelinedRequestsCancelsTheCall) {
    Start();
    Client client(port());
    ASSERT_TRUE(client.Send(Request("GET", "/v1/held", "X-Request-Id: gone\r\n") +
                            Request("GET", "/v1/echo/never")));
    ASSERT_TRUE(upstream().AwaitHeld(1));
    client.Reset();
    EXPECT_NE(LogLine("\"requestId\":\"gone\"").find("CANCELLED"), std::string::npos);
}

TEST_F(ClientGone, AResetCancelsTheCall) {
    Start();
    Client client(port());
    ExpectCancelled(client, [&] { client.Reset(); });
}

TEST_F(ClientGone, AResetBehindAnEndOfSendingCancelsTheCall) {
    Start();
    Client client(port());
    ASSERT_TRUE(client.Send(Request("GET", "/v1/held", "X-Request-Id: gone\r\n")));
    ASSERT_TRUE(upstream().AwaitHeld(1));
    client.CloseSending();
    AwaitLook(2);
    ASSERT_EQ(Log().find("\"requestId\":\"gone\""), std::string::npos);
    client.Reset();
    EXPECT_NE(LogLine("\"requestId\":\"gone\"").find("\"code\":\"CANCELLED\""), std::string::npos);
}

TEST_F(ClientGone, AnEndOfSendingIsNoLeaveHoweverLongTheCallTakes) {
    // TCP does not tell it from a close; the request is whole.
    Start();
    const std::string wholes[] = {
        Request("GET", "/v1/held", "X-Request-Id: half\r\n"),
        "GET /v1/held HTTP/1.0\r\nX-Request-Id: half\r\n\r\n",
        Request("GET", "/v1/held", "X-Request-Id: half\r\n") +
            Request("GET", "/v1/echo/second", "X-Request-Id: half\r\n"),
    };
    size_t held = 0;
    for (const std::string &whole : wholes) {
        Client client(port());
        ASSERT_TRUE(client.Send(whole));
        ASSERT_TRUE(upstream().AwaitHeld(1));
        client.CloseSending();
        AwaitLook(2);
        upstream().Release();
        Reply reply = client.Receive();
        ASSERT_EQ(reply.status, 200) << whole << Log();
        if (whole.find("second") != std::string::npos) {
            ExpectOk(client.Receive());
        }
        EXPECT_TRUE(client.AtEnd());
        // The one that AwaitLook has left.
        upstream().Release();
        held++;
    }
    EXPECT_EQ(held, std::size(wholes));
}

TEST_F(ClientGone, ACloseOfAUnixSocketCancelsTheCall) {
    std::string address = "unix:" + dir_.Path("http.sock");
    Start({}, address);
    Client client(address);
    ASSERT_TRUE(client.Send(Request("GET", "/v1/held", "X-Request-Id: gone\r\n")));
    ASSERT_TRUE(upstream().AwaitHeld(1));
    client.Close();
    EXPECT_NE(LogLine("\"requestId\":\"gone\"").find("CANCELLED"), std::string::npos);
}

TEST_F(ClientGone, AClientThatOnlyEndedItsSendingIsAnsweredIfTheCallIsShort) {
    Start();
    Client client(port());
    ASSERT_TRUE(client.Send(Request("GET", "/v1/echo/a")));
    client.CloseSending();
    ExpectOk(client.Receive());
    EXPECT_TRUE(client.AtEnd());
}

TEST_F(ClientGone, HalfARequestIsGivenUp) {
    // Long before its time is over, which is 30 s; also if the end arrived together
    // with the last bytes, which libmicrohttpd overlooks.
    Start();
    const char *halves[] = {"GET /v1/echo/a HTTP/1.1\r\nX-Request-Id: half\r\n",
                            "POST /v1/echo HTTP/1.1\r\nHost: h\r\nX-Request-Id: half\r\n"
                            "Content-Length: 9\r\n\r\n{"};
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 200; i++) {
        clients.push_back(std::make_unique<Client>(port()));
        ASSERT_EQ(clients.back()->Ask(Request("GET", "/nope")).status, 404);
    }
    // Keeps the one thread busy, so that it finds bytes and end together.
    Client busy(port());
    std::string many;
    for (int i = 0; i < 2000; i++) {
        many += Request("GET", "/nope");
    }
    std::thread sender([&] { busy.Send(many); });
    ASSERT_EQ(busy.Receive().status, 404);
    for (size_t i = 0; i < clients.size(); i++) {
        ASSERT_TRUE(clients[i]->Send(halves[i % 2]));
        clients[i]->Close();
    }
    for (int i = 1; i < 2000; i++) {
        ASSERT_EQ(busy.Receive().status, 404);
    }
    sender.join();
    auto begin = std::chrono::steady_clock::now();
    Stop(20'000);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
    EXPECT_EQ(upstream().calls(), 0);
}

TEST_F(ClientGone, AReplyToAClientThatIsGoneIsDropped) {
    Start();
    for (int i = 0; i < 50; i++) {
        Client client(port());
        ASSERT_TRUE(client.Send(Request("GET", "/v1/echo/a")));
        if (i % 2 == 0) {
            client.Reset();
        }
    }
    ExpectOk(Ask(Request("GET", "/v1/echo/a")));
}

} // namespace
