#include "tests/gateway/http/fixture.h"
#include "tests/gateway/http/gzip.h"

// Bodies of requests that are compressed.

namespace {

const char kGzip[] = "Content-Encoding: gzip\r\n";

std::string Json(size_t size) {
    return "{\"text\":\"" + std::string(size - 11, 'x') + "\"}";
}

std::string Chunked(const std::string &target, const std::string &body,
                    const std::string &headers) {
    std::string request = "POST " + target + " HTTP/1.1\r\nHost: h\r\n" + headers +
                          "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (size_t i = 0; i < body.size(); i += 7) {
        std::string part = body.substr(i, 7);
        request += std::to_string(part.size()) + "\r\n" + part + "\r\n";
    }
    return request + "0\r\n\r\n";
}

class GzipRequest : public GatewayTest {};

TEST_F(GzipRequest, IsReadAsWhatItHolds) {
    Start();
    Client client(port());
    for (const char *coding : {"gzip", "GZIP", "x-gzip", "identity, gzip", "gzip , Identity"}) {
        Reply reply = client.Ask(Post("/v1/echo", Zip("{\"text\":\"a\"}"),
                                      std::string("Content-Encoding: ") + coding + "\r\n"));
        ExpectOk(reply);
        EXPECT_EQ(reply.Json("data.text"), "a") << coding;
    }
    std::string large = Json(900 << 10);
    EXPECT_EQ(client.Ask(Post("/v1/echo", Zip(large), kGzip)).Json("data.text").size(),
              large.size() - 11);
    EXPECT_EQ(client.Ask(Chunked("/v1/echo", Zip("{\"text\":\"b\"}"), kGzip)).Json("data.text"),
              "b");
    // Members one behind the other (RFC 1952 section 2.2).
    EXPECT_EQ(
        client.Ask(Post("/v1/echo", Zip("{\"text\":") + Zip("\"c\"}"), kGzip)).Json("data.text"),
        "c");
    // A body that is no JSON goes to the service as its media type says.
    EXPECT_EQ(client
                  .Ask(Request("POST", "/v1/upload",
                               std::string(kGzip) + "Content-Type: text/plain\r\n", Zip("bytes")))
                  .Json("data.text"),
              "text/plain:bytes");
    EXPECT_EQ(client
                  .Ask(Request("POST", "/v1/echo",
                               std::string(kGzip) + "Content-Type: text/plain\r\n", Zip("{}")))
                  .status,
              415);
}

TEST_F(GzipRequest, WithoutABodyIsNone) {
    Start();
    Client client(port());
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a", kGzip)));
    ExpectOk(client.Ask(Request("POST", "/v1/echo", std::string(kGzip) + "Content-Length: 0\r\n")));
    ExpectOk(client.Ask(Post("/v1/echo", Zip(""), kGzip)));
    ExpectOk(client.Ask(Post("/v1/echo", Zip("null"), kGzip)));
    ExpectOk(client.Ask(Chunked("/v1/echo", "", kGzip)));
    ExpectError(client.Ask(Request("GET", "/v1/echo/a", kGzip, Zip("{}"))), 400, "INVALID_ARGUMENT",
                "BODY_INVALID");
}

TEST_F(GzipRequest, OtherCodingsAreRefusedWithThoseThatAreTaken) {
    Start();
    Client client(port());
    for (const char *coding :
         {"br", "deflate", "zstd", "gzip, gzip", "br, gzip", "gzip, br", "x"}) {
        Reply reply = client.Ask(Post("/v1/echo", Zip("{\"text\":\"a\"}"),
                                      std::string("Content-Encoding: ") + coding + "\r\n"));
        ExpectError(reply, 415, "INVALID_ARGUMENT", "CONTENT_ENCODING_UNSUPPORTED");
        EXPECT_EQ(reply.Header("accept-encoding"), "gzip, identity");
    }
    EXPECT_EQ(upstream().calls(), 0);
}

TEST_F(GzipRequest, ThatIsNoGzipIsRefusedWithWhy) {
    Start();
    Client client(port());
    std::string good = Zip("{\"text\":\"a\"}"), crc = good;
    crc[good.size() - 8] ^= 1;
    const struct {
        std::string body;
        const char *why;
    } rows[] = {
        {good.substr(0, good.size() - 3), "ends early"},
        {good + "{}", "something stands behind its end"},
        {crc, "incorrect data check"},
        {"{\"text\":\"a\"}", "incorrect header check"},
        {"\x1F", "ends early"},
    };
    for (const auto &row : rows) {
        for (const std::string &request :
             {Post("/v1/echo", row.body, kGzip), Chunked("/v1/echo", row.body, kGzip)}) {
            Reply reply = client.Ask(request);
            ExpectError(reply, 400, "INVALID_ARGUMENT", "BODY_INVALID");
            EXPECT_NE(reply.Json("message").find(row.why), std::string::npos)
                << reply.Json("message");
        }
    }
    EXPECT_EQ(upstream().calls(), 0);
}

TEST_F(GzipRequest, TheLimitIsThatOfWhatItHolds) {
    struct gateway_limits limits = {};
    limits.body_bytes = 100000;
    Start(limits);
    Client client(port());
    ExpectOk(client.Ask(Post("/v1/echo", Zip(Json(100000)), kGzip)));
    for (const std::string &body :
         {Zip(Json(100001)), Zip(std::string(64 << 20, ' ')), Zip(Json(99999)) + Zip("  ")}) {
        for (const std::string &request :
             {Post("/v1/echo", body, kGzip), Chunked("/v1/echo", body, kGzip)}) {
            Reply reply = client.Ask(request);
            ExpectError(reply, 413, "INVALID_ARGUMENT", "BODY_TOO_LARGE");
            EXPECT_EQ(reply.Json("message"), "The body is larger than 100000 bytes when inflated.");
        }
    }
    EXPECT_EQ(upstream().calls(), 1);
}

// What 1 KiB becomes is counted before it is inflated.
TEST_F(GzipRequest, FindsRoomForWhatItHoldsOrIsRefused) {
    struct gateway_limits limits = {};
    limits.buffered_bytes = 4 << 20;
    Start(limits, "unix:" + dir_.Path("http.sock")); // no address, so no share of one
    Client filler("unix:" + dir_.Path("http.sock")), client("unix:" + dir_.Path("http.sock"));
    std::string body = Json(600 << 10);
    filler.Send("POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                "Content-Length: " +
                std::to_string(body.size()) + "\r\n\r\n");
    // Its head was taken if another one of its size must wait.
    Client late("unix:" + dir_.Path("http.sock"));
    ASSERT_EQ(late.Ask(Post("/v1/echo", body)).status, 429);
    ExpectError(client.Ask(Post("/v1/echo", Zip(body), kGzip)), 429, "RESOURCE_EXHAUSTED",
                "OVERLOADED");
    ExpectOk(client.Ask(Post("/v1/echo", Zip(Json(20 << 10)), kGzip)));
    filler.Send(body);
    ExpectOk(filler.Receive());
    ExpectOk(client.Ask(Post("/v1/echo", Zip(body), kGzip)));
}

const struct error *CheckCaller(void *context, struct arena *a,
                                const struct gateway_caller *caller) {
    (*static_cast<int *>(context))++;
    return caller->has_authorization && slice_equal_cstr(caller->authorization, "Bearer known")
               ? nullptr
               : error_new(a, STATUS_UNAUTHENTICATED, REASON_TOKEN_INVALID, "not known");
}

TEST_F(GzipRequest, OfAnUnknownCallerIsNotInflated) {
    int checks = 0;
    authorizer_ = {CheckCaller, &checks};
    Start();
    Client client(port());
    // Not even looked at: it is no gzip.
    ExpectError(client.Ask(Post("/v1/echo", "garbage", kGzip)), 401, "UNAUTHENTICATED",
                "TOKEN_INVALID");
    EXPECT_EQ(checks, 1);
    ExpectOk(client.Ask(
        Post("/v1/echo", Zip("{}"), std::string(kGzip) + "Authorization: Bearer known\r\n")));
    EXPECT_EQ(checks, 2);
    ExpectOk(client.Ask(Post("/v1/echo", "{}"))); // its method may check it
    EXPECT_EQ(checks, 2);
}

TEST_F(GzipRequest, WhereOnlyTheUpstreamKnowsCallersItIsAskedFirst) {
    has_own_methods_ = false;
    Start();
    Client stranger(port());
    ExpectError(stranger.Ask(Post("/v1/runs", "garbage", kGzip)), 401, "UNAUTHENTICATED",
                "TEST_REASON");
    Client client(port());
    const std::string known = std::string(kGzip) + "Authorization: Bearer known\r\n";
    for (int i = 0; i < 3; i++) {
        ExpectError(client.Ask(Post("/v1/runs", "garbage", known)), 400, "INVALID_ARGUMENT",
                    "BODY_INVALID");
        ExpectError(client.Ask(Chunked("/v1/runs", "garbage", known)), 400, "INVALID_ARGUMENT",
                    "BODY_INVALID");
    }
}

TEST_F(GzipRequest, WaitsForLeaveToBeSent) {
    Start();
    Client client(port());
    std::string body = Zip("{\"text\":\"a\"}");
    ASSERT_TRUE(client.Send("POST /v1/echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                            "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
                            "Content-Length: " +
                            std::to_string(body.size()) + "\r\n\r\n"));
    EXPECT_EQ(client.ReceiveHead().status, 100);
    Reply reply = client.Ask(body);
    ExpectOk(reply);
    EXPECT_EQ(reply.Json("data.text"), "a");
}

} // namespace
