#include <chrono>
#include <fstream>
#include <unistd.h>

#include "tests/gateway/http/fixture.h"

// Streams of replies, and bodies that are no JSON.

namespace {

class Stream : public GatewayTest {
  protected:
    void Begin(enum envelope_kind envelope = ENVELOPE_RUNS, int64_t heartbeat_ms = 0) {
        http_.envelope = envelope;
        http_.stream_heartbeat_ms = heartbeat_ms;
        Start();
    }
};

// Sooner than a stop's drain; passed only by a failure.
constexpr std::chrono::milliseconds kAtOnce(5000);

std::string Object(int n, const char *id = "r1") {
    std::string number = n > 0 ? ",\"number\":" + std::to_string(n) : "";
    return "{\"code\":200,\"data\":{\"text\":\"m" + std::to_string(n) + "\"" + number +
           "},\"message\":\"success\",\"requestId\":\"" + id + "\"}";
}

const char *const kFailed = "{\"code\":409,\"message\":\"failed midway\",\"requestId\":\"r1\","
                            "\"error\":{\"status\":\"ABORTED\",\"reason\":\"TEST_REASON\","
                            "\"metadata\":{}}}";

std::string Watch(const std::string &what, int number, const std::string &headers = "") {
    return Request("GET", "/v1/watch/" + what + "?number=" + std::to_string(number),
                   "X-Request-Id: r1\r\n" + headers);
}

TEST_F(Stream, IsALineAnObject) {
    Begin();
    Client client(port());
    client.Send(Watch("count", 3));
    Reply reply = client.ReceiveHead();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.Header("content-type"), "application/x-ndjson");
    EXPECT_EQ(reply.Header("transfer-encoding"), "chunked");
    EXPECT_EQ(reply.Header("x-request-id"), "r1");
    EXPECT_EQ(reply.Header("cache-control"), "no-store");
    EXPECT_EQ(reply.Header("etag"), "(none)");
    EXPECT_EQ(client.ReceiveChunks(), Object(0) + "\n" + Object(1) + "\n" + Object(2) + "\n");
    EXPECT_TRUE(client.ended());
    // The connection goes on.
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a")));
    std::string line = LogLine("/v1/watch");
    EXPECT_NE(line.find("\"status\":200,\"code\":\"OK\""), std::string::npos) << line;
    EXPECT_NE(line.find("\"bytes\":" +
                        std::to_string(Object(0).size() + Object(1).size() + Object(2).size() + 3)),
              std::string::npos)
        << line;
}

TEST_F(Stream, IsEventsForWhoAcceptsThem) {
    Begin();
    Client client(port());
    client.Send(Watch("fail", 1, "Accept: text/event-stream\r\n"));
    Reply reply = client.ReceiveHead();
    EXPECT_EQ(reply.Header("content-type"), "text/event-stream");
    EXPECT_EQ(reply.Header("vary"), "Accept");
    EXPECT_EQ(client.ReceiveChunks(), "retry: 1000\n\ndata: " + Object(0) +
                                          "\n\nevent: stream-error\ndata: " + kFailed + "\n\n");
    EXPECT_TRUE(client.ended());
}

TEST_F(Stream, WithoutEnvelopeIsAsGrpcGatewaysHaveIt) {
    Begin(ENVELOPE_NONE);
    Client client(port());
    client.Send(Watch("fail", 1));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    std::string body = client.ReceiveChunks();
    size_t end = body.find('\n');
    EXPECT_EQ(body.substr(0, end), "{\"result\":{\"text\":\"m0\"}}");
    EXPECT_EQ(body.substr(end + 1).rfind("{\"error\":{\"code\":10,\"message\":\"failed midway\","
                                         "\"details\":[{\"@type\":\"type.googleapis.com/"
                                         "google.rpc.ErrorInfo\",\"reason\":\"TEST_REASON\"",
                                         0),
              0u)
        << body;
    EXPECT_TRUE(client.ended());
}

TEST_F(Stream, ThatFailsMidwayEndsWithItsError) {
    Begin();
    Client client(port());
    client.Send(Watch("fail", 2));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    EXPECT_EQ(client.ReceiveChunks(),
              Object(0) + "\n" + Object(1) + "\n" + std::string(kFailed) + "\n");
    EXPECT_TRUE(client.ended());
    std::string line = LogLine("/v1/watch");
    EXPECT_NE(line.find("\"code\":\"ABORTED\""), std::string::npos) << line;
}

TEST_F(Stream, ThatFailsBeforeItsFirstMessageIsAPlainError) {
    Begin();
    Client client(port());
    ExpectError(client.Ask(Watch("refuse", 1)), 404, "NOT_FOUND", "TEST_REASON");
    ExpectError(client.Ask(Watch("fail", 0)), 409, "ABORTED", "TEST_REASON");
    StopUpstream();
    ExpectError(client.Ask(Watch("count", 1)), 503, "UNAVAILABLE", "UPSTREAM_UNREACHABLE");
}

TEST_F(Stream, WithoutMessagesIsAnEmptyBody) {
    Begin();
    Client client(port());
    client.Send(Watch("count", 0));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    EXPECT_EQ(client.ReceiveChunks(), "");
    EXPECT_TRUE(client.ended());
}

TEST_F(Stream, BeginsWhenTheUpstreamHasTakenIt) {
    // "hold" sends its initial metadata, and no message.
    http_.stream_headers_after_ms = -1;
    Begin();
    const struct {
        const char *accept, *content_type, *first;
    } rows[] = {{"application/x-ndjson", "application/x-ndjson", "\n"},
                {"text/event-stream", "text/event-stream", "retry: 1000\n\n"}};
    for (const auto &row : rows) {
        Client client(port());
        client.Send(Watch("hold", 0, std::string("Accept: ") + row.accept + "\r\n"));
        Reply reply = client.ReceiveHead();
        EXPECT_EQ(reply.status, 200);
        EXPECT_EQ(reply.Header("content-type"), row.content_type);
        EXPECT_EQ(reply.Header("x-accel-buffering"), "no");
        // With a byte, for which proxies wait.
        EXPECT_EQ(client.ReceiveChunks(row.first), row.first);
    }
}

TEST_F(Stream, BeginsByItselfIfTheUpstreamSendsNothing) {
    http_.stream_headers_after_ms = 50;
    Begin(ENVELOPE_RUNS, 50);
    Client client(port());
    client.Send(Watch("mute", 0));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    // Heartbeats, too.
    EXPECT_EQ(client.ReceiveChunks("\n\n\n"), "\n\n\n");
    upstream().streams().EndAll();
    EXPECT_EQ(client.ReceiveChunks().find_first_not_of('\n'), std::string::npos);
    EXPECT_TRUE(client.ended());
}

TEST_F(Stream, ThatBeganByItselfEndsWithTheErrorThatCameTooLate) {
    http_.stream_headers_after_ms = 50;
    Begin();
    Client client(port());
    client.Send(Watch("mute-fail", 0));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    EXPECT_EQ(client.ReceiveChunks("\n"), "\n");
    upstream().streams().EndAll();
    EXPECT_EQ(client.ReceiveChunks(), std::string(kFailed) + "\n");
    EXPECT_TRUE(client.ended());
}

TEST_F(Stream, SendsNothingBeforeTheUpstreamHasTakenItAndEachAtOnce) {
    http_.stream_headers_after_ms = -1;
    Begin();
    Client client(port());
    client.Send(Watch("mute", 0));
    ASSERT_TRUE(upstream().streams().AwaitBegun(1));
    Client other(port());
    ExpectOk(other.Ask(Request("GET", "/v1/echo/a")));
    EXPECT_TRUE(client.Quiet());
    upstream().streams().EndAll();
    EXPECT_EQ(client.ReceiveHead().status, 200);

    Client second(port());
    second.Send(Watch("garbage", 0));
    // A message that is none is no success either.
    ExpectError(second.Receive(), 500, "INTERNAL", "RESPONSE_MALFORMED");
}

TEST_F(Stream, ARefusalKeepsItsStatusHoweverOften) {
    // It comes as a status alone, which gRPC core also reports as metadata first.
    Begin();
    Client client(port());
    for (int i = 0; i < 300; i++) {
        Reply refused = client.Ask(Watch("refuse", 1));
        ASSERT_EQ(refused.status, 404) << i;
        Reply failed = client.Ask(Watch("fail", 0));
        ASSERT_EQ(failed.status, 409) << i;
    }
}

TEST_F(Stream, AMessageThatIsThereAtOnceComesFirst) {
    // Not a heartbeat, as of a stream whose first message is not there.
    Begin();
    Client client(port());
    for (int i = 0; i < 300; i++) {
        client.Send(Watch("count", 1));
        ASSERT_EQ(client.ReceiveHead().status, 200);
        ASSERT_EQ(client.ReceiveChunks(), Object(0) + "\n") << i;
    }
}

TEST_F(Stream, OfEventsWithoutAnyIsOver) {
    // 204: an EventSource does not ask again.
    Begin();
    Client client(port());
    Reply reply = client.Ask(Watch("count", 0, "Accept: text/event-stream\r\n"));
    EXPECT_EQ(reply.status, 204);
    EXPECT_EQ(reply.Header("vary"), "Accept");
    EXPECT_EQ(reply.body, "");
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a")));
}

TEST_F(Stream, OfStrangersTakesNoRoomFromOthers) {
    struct gateway_limits limits = {};
    limits.streams = 2;
    limits.anonymous_streams = 3;
    Start(limits);
    std::vector<std::unique_ptr<Client>> open;
    auto begin = [&](const char *headers) {
        open.push_back(std::make_unique<Client>(port()));
        open.back()->Send(Watch("hold", 1, headers));
        return open.back()->ReceiveHead();
    };
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(begin("").status, 200);
    }
    for (int i = 0; i < 50; i++) {
        Client client(port());
        Reply reply = client.Ask(Watch("hold", 1));
        ExpectError(reply, 429, "RESOURCE_EXHAUSTED", "OVERLOADED");
        EXPECT_NE(reply.Json("message").find("streams open without a token"), std::string::npos);
    }
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(begin("Authorization: Bearer a\r\n").status, 200);
    }
    Client full(port());
    Reply reply = full.Ask(Watch("hold", 1, "Authorization: Bearer a\r\n"));
    ExpectError(reply, 429, "RESOURCE_EXHAUSTED", "OVERLOADED");
    EXPECT_NE(reply.Json("message").find("streams open as"), std::string::npos);
    ExpectOk(full.Ask(Request("GET", "/v1/echo/a")));
    // Room comes back.
    open[0]->Reset();
    EXPECT_TRUE(upstream().streams().AwaitCancelled(1));
    EXPECT_TRUE(Await([&] { return begin("").status == 200; }));
}

TEST_F(Stream, IsOneArrayIfThatIsTheGatewaysChoice) {
    http_.stream_json = STREAM_JSON_ARRAY;
    Begin();
    Client client(port());
    client.Send(Watch("count", 2));
    Reply reply = client.ReceiveHead();
    EXPECT_EQ(reply.Header("content-type"), "application/json");
    EXPECT_EQ(reply.Header("vary"), "Accept");
    EXPECT_EQ(client.ReceiveChunks(), "[" + Object(0) + "\n," + Object(1) + "\n]\n");
    client.Send(Watch("count", 0));
    client.ReceiveHead();
    EXPECT_EQ(client.ReceiveChunks(), "[]\n");
    client.Send(Watch("fail", 1));
    client.ReceiveHead();
    EXPECT_EQ(client.ReceiveChunks(), "[" + Object(0) + "\n," + kFailed + "\n]\n");
    ExpectError(client.Ask(Watch("refuse", 1)), 404, "NOT_FOUND", "TEST_REASON");
    client.Send(Watch("count", 1, "Accept: application/x-ndjson\r\n"));
    EXPECT_EQ(client.ReceiveHead().Header("content-type"), "application/x-ndjson");
    EXPECT_EQ(client.ReceiveChunks(), Object(0) + "\n");
    EXPECT_TRUE(client.ended());
}

TEST_F(Stream, SendsEachMessageWhenItComes) {
    Begin();
    Client client(port());
    client.Send(Watch("hold", 2));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    std::string both = Object(0) + "\n" + Object(1) + "\n";
    EXPECT_EQ(client.ReceiveChunks(Object(1) + "\n"), both); // though the stream is open
    upstream().streams().EndAll();
    EXPECT_EQ(client.ReceiveChunks(), "");
    EXPECT_TRUE(client.ended());
}

TEST_F(Stream, AMalformedMessageMidwayIsTheLastError) {
    Begin();
    Client client(port());
    client.Send(Watch("garbage", 1));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    std::string body = client.ReceiveChunks();
    EXPECT_EQ(body.find(Object(0) + "\n{\"code\":500,"), 0u) << body;
    EXPECT_NE(body.find("\"reason\":\"RESPONSE_MALFORMED\""), std::string::npos) << body;
    EXPECT_EQ(body.find("cut"), std::string::npos) << body;
    EXPECT_TRUE(client.ended());
    EXPECT_TRUE(upstream().streams().AwaitCancelled(1));
}

TEST_F(Stream, HasHeartbeatsWhileItIsQuiet) {
    Begin(ENVELOPE_RUNS, 50);
    Client lines(port());
    lines.Send(Watch("hold", 1));
    EXPECT_EQ(lines.ReceiveHead().status, 200);
    EXPECT_EQ(lines.ReceiveChunks("}\n\n\n"), Object(0) + "\n\n\n");
    Client events(port());
    events.Send(Watch("hold", 1, "Accept: text/event-stream\r\n"));
    EXPECT_EQ(events.ReceiveHead().status, 200);
    EXPECT_EQ(events.ReceiveChunks(": heartbeat\n\n"),
              "retry: 1000\n\ndata: " + Object(0) + "\n\n: heartbeat\n\n");
    // Also before the first message, if the upstream has taken the stream.
    Client early(port());
    early.Send(Watch("hold", 0));
    EXPECT_EQ(early.ReceiveHead().status, 200);
    EXPECT_EQ(early.ReceiveChunks("\n\n\n"), "\n\n\n");
}

int64_t ResidentBytes() {
    std::ifstream statm("/proc/self/statm");
    int64_t size = 0;
    int64_t resident = 0;
    statm >> size >> resident;
    return resident * sysconf(_SC_PAGESIZE);
}

TEST_F(Stream, ASlowReaderHoldsTheUpstreamBack) {
    Begin();
    int64_t before = ResidentBytes();
    Client client(port(), true);
    client.Send(Watch("flood", 0));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    // The sockets' buffers and gRPC's window are what may be under way; a gateway
    // that reads on takes gigabytes.
    int written = upstream().streams().AwaitStandstill();
    EXPECT_LT(written, 1000); // of 64 KiB
    EXPECT_LT(ResidentBytes() - before, 200 << 20);
    // Whoever reads on gets what was held back.
    std::string body = client.ReceiveChunks("\"number\":20}");
    EXPECT_NE(body.find("\"number\":20}"), std::string::npos);
}

TEST_F(Stream, AClientThatIsGoneEndsTheCall) {
    Begin();
    Client quiet(port());
    quiet.Send(Watch("hold", 1));
    EXPECT_EQ(quiet.ReceiveHead().status, 200);
    quiet.ReceiveChunks(Object(0));
    quiet.Close();
    EXPECT_TRUE(upstream().streams().AwaitCancelled(1));
}

TEST_F(Stream, AClientThatIsGoneBeforeTheFirstMessageEndsTheCall) {
    Begin();
    Client client(port());
    client.Send(Watch("hold", 0));
    ASSERT_TRUE(upstream().streams().AwaitBegun(1));
    client.Close();
    EXPECT_TRUE(upstream().streams().AwaitCancelled(1));
    EXPECT_NE(LogLine("/v1/watch").find("\"status\":200,\"code\":\"CANCELLED\""),
              std::string::npos);
}

TEST_F(Stream, AClientThatIsGoneBeforeItBeginsEndsTheCall) {
    http_.stream_headers_after_ms = -1;
    Begin();
    Client client(port());
    client.Send(Watch("mute", 0));
    ASSERT_TRUE(upstream().streams().AwaitBegun(1));
    client.Reset();
    EXPECT_TRUE(upstream().streams().AwaitCancelled(1));
    EXPECT_NE(LogLine("/v1/watch").find("\"status\":499"), std::string::npos);
}

TEST_F(Stream, AClientThatOnlyEndedItsSendingGetsTheRest) {
    Begin();
    Client client(port());
    client.Send(Watch("hold", 1));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    EXPECT_EQ(client.ReceiveChunks(Object(0) + "\n"), Object(0) + "\n");
    client.CloseSending();
    // A heartbeat finds out whether the client is gone: it comes at once, not after 15 s.
    EXPECT_EQ(client.ReceiveChunks("\n"), "\n");
    // Another client's going is found in a later look, which has passed this one over.
    Client other(port());
    other.Send(Watch("hold", 1));
    EXPECT_EQ(other.ReceiveHead().status, 200);
    other.Close();
    ASSERT_TRUE(upstream().streams().AwaitCancelled(1));
    upstream().streams().EndAll();
    EXPECT_EQ(client.ReceiveChunks(), "");
    EXPECT_TRUE(client.ended());
    EXPECT_TRUE(client.AtEnd());
}

TEST_F(Stream, AClientThatIsGoneWhileMuchIsUnderWayEndsTheCall) {
    Begin();
    Client client(port());
    client.Send(Watch("flood", 0));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    auto begin = std::chrono::steady_clock::now();
    client.Reset();
    EXPECT_TRUE(upstream().streams().AwaitCancelled(1));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, kAtOnce);
    // Nor is anything left that a stop waits for. What may take 10 s afterwards is gRPC
    // itself: grpc_shutdown_blocking waits for the poller that it starts when a socket is
    // full, which nobody wakes.
    begin = std::chrono::steady_clock::now();
    Stop(2 * kAtOnce.count());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, kAtOnce);
}

TEST_F(Stream, AStopEndsItWithAnError) {
    http_.stream_headers_after_ms = -1;
    Begin();
    Client client(port());
    client.Send(Watch("hold", 1));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    EXPECT_EQ(client.ReceiveChunks(Object(0) + "\n"), Object(0) + "\n");
    Client waiting(port());
    waiting.Send(Watch("mute", 0));
    ASSERT_TRUE(upstream().streams().AwaitBegun(2));
    Stop(30'000);
    std::string body = client.ReceiveChunks();
    EXPECT_NE(body.find("\"status\":\"UNAVAILABLE\",\"reason\":\"SERVER_STOPPING\""),
              std::string::npos)
        << body;
    EXPECT_TRUE(client.ended());
    ExpectError(waiting.Receive(), 503, "UNAVAILABLE", "SERVER_STOPPING");
}

TEST_F(Stream, AStopDoesNotWaitForASlowReader) {
    Begin();
    Client client(port(), true);
    client.Send(Watch("flood", 0));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    upstream().streams().AwaitStandstill();
    Stop(0);
    EXPECT_TRUE(upstream().streams().AwaitCancelled(1));
}

TEST_F(Stream, EndsAtTheDeadlineThatTheClientGave) {
    Begin();
    Client client(port());
    client.Send(Watch("hold", 1, "X-Request-Timeout: 0.5\r\n"));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    std::string body = client.ReceiveChunks();
    EXPECT_EQ(body.find(Object(0) + "\n{\"code\":504,"), 0u) << body;
    EXPECT_TRUE(client.ended());
}

TEST_F(Stream, HasNoDeadlineUnlessTheClientGaveOne) {
    struct gateway_limits limits = {};
    limits.upstream_timeout_ms = 1;
    http_.stream_heartbeat_ms = 50;
    Start(limits);
    Client client(port());
    client.Send(Watch("hold", 1));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    client.ReceiveChunks("\n\n\n\n"); // three heartbeats later
    upstream().streams().EndAll();
    EXPECT_EQ(client.ReceiveChunks().find("504"), std::string::npos);
    EXPECT_TRUE(client.ended());
}

TEST_F(Stream, ToHttp10EndsWithTheConnection) {
    Begin();
    Client client(port());
    client.Send("GET /v1/watch/count?number=2 HTTP/1.0\r\nX-Request-Id: r1\r\n\r\n");
    std::string all = client.ReceiveAll();
    EXPECT_EQ(all.find("chunked"), std::string::npos) << all;
    EXPECT_NE(all.find("\r\n\r\n" + Object(0) + "\n" + Object(1) + "\n"), std::string::npos) << all;
}

TEST_F(Stream, ToHeadHasNoBody) {
    Begin();
    Client client(port());
    Reply reply = client.Ask(Request("HEAD", "/v1/watch/hold?number=1"), true);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.Header("content-type"), "application/x-ndjson");
    EXPECT_TRUE(client.AtEnd());
    EXPECT_TRUE(upstream().streams().AwaitCancelled(1));
}

TEST_F(Stream, ManyRunBesideEachOther) {
    Begin();
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 20; i++) {
        clients.push_back(std::make_unique<Client>(port()));
        clients.back()->Send(Watch("count", 100));
    }
    for (auto &client : clients) {
        EXPECT_EQ(client->ReceiveHead().status, 200);
        std::string body = client->ReceiveChunks();
        EXPECT_EQ(std::count(body.begin(), body.end(), '\n'), 100);
        EXPECT_NE(body.find(Object(99)), std::string::npos);
        EXPECT_TRUE(client->ended());
    }
}

TEST_F(Stream, ThatMapsMetadataAndCorsHasTheHeaders) {
    const char *origins[] = {"https://a.example"};
    http_.cors_origins = origins;
    http_.cors_origin_count = 1;
    Begin();
    Client client(port());
    client.Send(Watch("count", 1, "Origin: https://a.example\r\n"));
    EXPECT_EQ(client.ReceiveHead().Header("access-control-allow-origin"), "https://a.example");
    client.ReceiveChunks();
}

// --- google.api.HttpBody ---

class HttpBody : public Stream {};

TEST_F(HttpBody, IsSentAsItIs) {
    Begin();
    Client client(port());
    Reply reply = client.Ask(Request("GET", "/v1/file/plain%20text"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.Header("content-type"), "text/plain; charset=utf-8");
    EXPECT_EQ(reply.body, "plain text");
    EXPECT_NE(reply.Header("etag"), "(none)");
}

TEST_F(HttpBody, IsTakenAsItIs) {
    Begin();
    Client client(port());
    Reply reply = client.Ask(Request("POST", "/v1/upload", "Content-Type: image/png\r\n", "{\"no"));
    ExpectOk(reply);
    EXPECT_EQ(reply.Json("data.text"), "image/png:{\"no");
}

TEST_F(HttpBody, StreamsAsItIs) {
    Begin();
    Client client(port());
    client.Send(Request("GET", "/v1/download/count?number=3"));
    Reply reply = client.ReceiveHead();
    EXPECT_EQ(reply.Header("content-type"), "text/plain");
    EXPECT_EQ(client.ReceiveChunks(), "m0m1m2");
    EXPECT_TRUE(client.ended());
}

TEST_F(HttpBody, StreamThatFailsMidwayIsCutOff) {
    Begin();
    Client client(port());
    client.Send(Request("GET", "/v1/download/fail?number=3"));
    EXPECT_EQ(client.ReceiveHead().status, 200);
    EXPECT_EQ(client.ReceiveChunks(), "m0m1m2");
    EXPECT_FALSE(client.ended());
}

} // namespace
