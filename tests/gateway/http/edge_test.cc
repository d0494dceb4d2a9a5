#include <zlib.h>

#include "tests/gateway/http/fixture.h"

// What the gateway adds to HTTP: conditional requests, compression, CORS, headers that
// are passed on, both envelopes. Over real sockets.

namespace {

const char kOrigin[] = "https://a.example";

std::string Unzip(const std::string &gzip) {
    std::string bytes(1 << 20, '\0');
    z_stream stream = {};
    EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(gzip.data()));
    stream.avail_in = static_cast<uInt>(gzip.size());
    stream.next_out = reinterpret_cast<Bytef *>(bytes.data());
    stream.avail_out = static_cast<uInt>(bytes.size());
    int result = inflate(&stream, Z_FINISH);
    bytes.resize(stream.total_out);
    inflateEnd(&stream);
    return result == Z_STREAM_END ? bytes : "(no gzip)";
}

class GatewayEdge : public GatewayTest {
  protected:
    Reply Ask(const std::string &request, bool to_head = false) {
        Client client(port());
        return client.Ask(request, to_head);
    }
};

// --- conditional requests ---

TEST_F(GatewayEdge, AGetHasAnETagOfItsData) {
    Start();
    Reply first = Ask(Request("GET", "/v1/echo/a", "X-Request-Id: r1\r\n"));
    Reply again = Ask(Request("GET", "/v1/echo/a", "X-Request-Id: r2\r\n"));
    Reply other = Ask(Request("GET", "/v1/echo/b"));
    ExpectOk(first);
    EXPECT_EQ(first.Header("etag").substr(0, 3), "W/\"");
    EXPECT_EQ(first.Header("etag"), again.Header("etag"));
    EXPECT_NE(first.body, again.body);
    EXPECT_NE(first.Header("etag"), other.Header("etag"));
    EXPECT_EQ(first.Header("cache-control"), "private, no-cache");
    Reply head = Ask(Request("HEAD", "/v1/echo/a", "X-Request-Id: r1\r\n"), true);
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.Header("etag"), first.Header("etag"));
    EXPECT_EQ(head.Header("content-length"), std::to_string(first.body.size()));
}

TEST_F(GatewayEdge, WhatIsNoGetOrFailsHasNoETag) {
    Start();
    const struct {
        std::string request;
        int status;
    } rows[] = {
        {Post("/v1/echo", "{\"text\":\"a\"}"), 200},
        {Request("GET", "/v1/fail/5"), 404},
        {Request("GET", "/nope"), 404},
        {Request("OPTIONS", "/v1/echo/a"), 204},
        {Post("/v1/echo", "{\"text\":\"a\"}", "If-None-Match: *\r\n"), 200},
        {Request("GET", "/v1/fail/5", "If-None-Match: *\r\n"), 404},
    };
    for (const auto &row : rows) {
        Reply reply = Ask(row.request);
        EXPECT_EQ(reply.status, row.status) << row.request;
        EXPECT_EQ(reply.Header("etag"), "(none)");
        EXPECT_EQ(reply.Header("cache-control"), "no-store");
    }
}

TEST_F(GatewayEdge, ANotModifiedReplyHasNoBody) {
    Start();
    Reply whole = Ask(Request("GET", "/v1/echo/a", "X-Request-Id: r1\r\n"));
    std::string etag = whole.Header("etag");
    Client client(port());
    for (const std::string &value : {etag, etag.substr(2), std::string("*"), "\"x\", " + etag,
                                     "\"x\"\r\nIf-None-Match: " + etag}) {
        for (const char *verb : {"GET", "HEAD"}) {
            Reply reply = client.Ask(
                Request(verb, "/v1/echo/a", "If-None-Match: " + value + "\r\nX-Request-Id: r1\r\n"),
                true);
            EXPECT_EQ(reply.status, 304) << value;
            EXPECT_EQ(reply.Header("etag"), etag);
            EXPECT_EQ(reply.Header("cache-control"), "private, no-cache");
            EXPECT_EQ(reply.Header("x-request-id"), "r1");
            EXPECT_EQ(reply.Header("content-type"), "(none)");
            // RFC 9110 section 8.6.
            EXPECT_EQ(reply.Header("content-length"), whole.Header("content-length"));
        }
    }
    // The connection stays in step: nothing was sent behind the heads.
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a", "If-None-Match: \"x\"\r\n")));
    ExpectOk(client.Ask(Request("GET", "/v1/echo/b", "If-None-Match: " + etag + "\r\n")));
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a", "If-None-Match: " + etag + ", x\r\n")));
    EXPECT_NE(LogLine("\"status\":304").find("\"bytes\":0"), std::string::npos);
}

// --- compression ---

TEST_F(GatewayEdge, ALargeReplyIsCompressedForWhoTakesIt) {
    Start();
    Client client(port());
    for (const char *accept : {"gzip", "br, GZIP;q=0.5", "*"}) {
        Reply reply = client.Ask(
            Request("GET", "/v1/sized/5000",
                    std::string("X-Request-Id: r1\r\nAccept-Encoding: ") + accept + "\r\n"));
        EXPECT_EQ(reply.status, 200);
        EXPECT_EQ(reply.Header("content-encoding"), "gzip") << accept;
        EXPECT_EQ(reply.Header("vary"), "Accept-Encoding");
        EXPECT_EQ(reply.Header("content-type"), "application/json");
        EXPECT_EQ(reply.Header("content-length"), std::to_string(reply.body.size()));
        EXPECT_LT(reply.body.size(), 500u);
        EXPECT_EQ(Unzip(reply.body), "{\"code\":200,\"data\":{\"text\":\"" +
                                         std::string(5000, 'x') +
                                         "\"},\"message\":\"success\",\"requestId\":\"r1\"}");
    }
    for (const char *accept : {"identity", "gzip;q=0", "br", "gzip;q=2", ""}) {
        Reply reply = client.Ask(
            Request("GET", "/v1/sized/5000", std::string("Accept-Encoding: ") + accept + "\r\n"));
        ExpectOk(reply);
        EXPECT_EQ(reply.Header("content-encoding"), "(none)") << accept;
        EXPECT_EQ(reply.Header("vary"), "Accept-Encoding");
    }
    Reply plain = client.Ask(Request("GET", "/v1/sized/5000"));
    ExpectOk(plain);
    // The tag is weak: both forms share it.
    Reply gzip = client.Ask(
        Request("GET", "/v1/sized/5000", "X-Request-Id: r1\r\nAccept-Encoding: gzip\r\n"));
    EXPECT_EQ(plain.Header("etag"), gzip.Header("etag"));
    Reply known =
        client.Ask(Request("GET", "/v1/sized/5000",
                           "X-Request-Id: r1\r\nAccept-Encoding: gzip\r\nIf-None-Match: " +
                               plain.Header("etag") + "\r\n"));
    EXPECT_EQ(known.status, 304);
    EXPECT_EQ(known.Header("content-encoding"), "(none)");
    EXPECT_EQ(known.Header("content-length"), gzip.Header("content-length"));
    EXPECT_EQ(known.Header("vary"), "Accept-Encoding");
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a")));
}

TEST_F(GatewayEdge, ASmallReplyIsCompressedOnlyIfNothingElseIsTaken) {
    http_.gzip_min_bytes = 3000;
    Start();
    Client client(port());
    Reply small = client.Ask(Request("GET", "/v1/sized/100", "Accept-Encoding: gzip\r\n"));
    ExpectOk(small);
    EXPECT_EQ(small.Header("vary"), "(none)");
    EXPECT_EQ(small.Header("content-encoding"), "(none)");
    Reply large = client.Ask(Request("GET", "/v1/sized/3000", "Accept-Encoding: gzip\r\n"));
    EXPECT_EQ(large.Header("content-encoding"), "gzip");
    Reply only =
        client.Ask(Request("GET", "/v1/sized/100", "Accept-Encoding: gzip, identity;q=0\r\n"));
    EXPECT_EQ(only.Header("content-encoding"), "gzip");
    EXPECT_EQ(only.Header("vary"), "Accept-Encoding");
}

TEST_F(GatewayEdge, CompressionCanBeOff) {
    http_.gzip_min_bytes = SIZE_MAX;
    Start();
    Reply reply = Ask(Request("GET", "/v1/sized/100000", "Accept-Encoding: gzip, *;q=0\r\n"));
    ExpectOk(reply);
    EXPECT_EQ(reply.Header("content-encoding"), "(none)");
    EXPECT_EQ(reply.Header("vary"), "(none)");
}

TEST_F(GatewayEdge, ARequestOfAnotherCodingOrMediaTypeIsRefused) {
    Start();
    Client client(port());
    for (const char *coding : {"br", "identity, br", "x"}) {
        Reply reply = client.Ask(Post("/v1/echo", "{\"text\":\"a\"}",
                                      std::string("Content-Encoding: ") + coding + "\r\n"));
        ExpectError(reply, 415, "INVALID_ARGUMENT", "CONTENT_ENCODING_UNSUPPORTED");
        EXPECT_EQ(reply.Header("accept-encoding"), "gzip, identity");
    }
    ExpectOk(client.Ask(Post("/v1/echo", "{\"text\":\"a\"}", "Content-Encoding: Identity\r\n")));
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a", "Content-Encoding: gzip\r\n")));
    Reply type = client.Ask(Request("POST", "/v1/echo", "Content-Type: text/plain\r\n", "{}"));
    EXPECT_EQ(type.status, 415);
    EXPECT_EQ(type.Header("accept-encoding"), "(none)");
}

// --- OPTIONS, HEAD ---

TEST_F(GatewayEdge, OptionsOfTheServerTellsAllVerbs) {
    Start();
    Reply reply = Ask(Request("OPTIONS", "*"));
    EXPECT_EQ(reply.status, 204);
    EXPECT_EQ(reply.Header("allow"), "GET, POST, HEAD, OPTIONS");
    EXPECT_EQ(reply.body, "");
    ExpectError(Ask(Request("GET", "*")), 400, "INVALID_ARGUMENT", "HEADER_INVALID");
}

TEST_F(GatewayEdge, HeadOfAnErrorHasItsHeadersOnly) {
    Start();
    Client client(port());
    Reply not_found = client.Ask(Request("HEAD", "/nope"), true);
    EXPECT_EQ(not_found.status, 404);
    EXPECT_NE(not_found.Header("content-length"), "0");
    Reply not_allowed = client.Ask(Request("HEAD", "/v1/echo"), true);
    EXPECT_EQ(not_allowed.status, 405);
    EXPECT_EQ(not_allowed.Header("allow"), "POST, OPTIONS");
    ExpectOk(client.Ask(Request("GET", "/v1/echo/a")));
}

// --- CORS ---

class GatewayCors : public GatewayEdge {
  protected:
    void StartWith(bool credentials = false) {
        http_.cors_origins = origins_;
        http_.cors_origin_count = 2;
        http_.cors_credentials = credentials;
        http_.request_headers = &tenant_;
        http_.request_header_count = 1;
        http_.response_headers = &cost_;
        http_.response_header_count = 1;
        Start();
    }
    Reply Preflight(const std::string &path, const std::string &origin, const std::string &verb,
                    const std::string &headers) {
        return Ask(Request("OPTIONS", path,
                           "Origin: " + origin + "\r\nAccess-Control-Request-Method: " + verb +
                               "\r\nAccess-Control-Request-Headers: " + headers + "\r\n"));
    }

    const char *const origins_[2] = {"http://localhost:3000", kOrigin};
    const struct header_mapping tenant_ = {"x-tenant", "tenant"};
    const struct header_mapping cost_ = {"cost", "x-cost"};
};

TEST_F(GatewayCors, IsOffWithoutOrigins) {
    Start();
    for (const std::string verb : {"GET", "OPTIONS"}) {
        Reply reply = Ask(Request(verb, "/v1/echo/a",
                                  std::string("Origin: ") + kOrigin +
                                      "\r\nAccess-Control-Request-Method: GET\r\n"));
        EXPECT_EQ(reply.status, verb == "GET" ? 200 : 204);
        EXPECT_EQ(reply.Header("vary"), "(none)");
        for (const auto &header : reply.headers) {
            EXPECT_EQ(header.first.find("access-control-"), std::string::npos) << header.first;
        }
    }
}

TEST_F(GatewayCors, APreflightIsToldWhatIsAllowed) {
    StartWith();
    Reply reply = Preflight("/v1/held", kOrigin, "POST",
                            "authorization,Content-Type,x-tenant,x-other,x-requested-with");
    EXPECT_EQ(reply.status, 204);
    EXPECT_EQ(reply.body, "");
    EXPECT_EQ(reply.Header("access-control-allow-origin"), kOrigin);
    EXPECT_EQ(reply.Header("access-control-allow-methods"), "GET, POST, HEAD, OPTIONS");
    EXPECT_EQ(reply.Header("access-control-allow-headers"),
              "authorization, content-type, x-tenant");
    EXPECT_EQ(reply.Header("access-control-max-age"), "600");
    EXPECT_EQ(reply.Header("access-control-allow-credentials"), "(none)");
    EXPECT_EQ(reply.Header("vary"), "Origin");
    EXPECT_EQ(reply.Header("allow"), "GET, POST, HEAD, OPTIONS");
    EXPECT_EQ(upstream().calls(), 0);
}

TEST_F(GatewayCors, APreflightOfAnotherOriginIsAnOrdinaryOptions) {
    StartWith();
    for (const char *origin : {"https://evil.example", "https://a.example.evil.example", "null",
                               "https://a.example:8443", "http://a.example"}) {
        Reply reply = Preflight("/v1/echo/a", origin, "GET", "authorization");
        EXPECT_EQ(reply.status, 204);
        EXPECT_EQ(reply.Header("vary"), "Origin");
        for (const auto &header : reply.headers) {
            EXPECT_EQ(header.first.find("access-control-"), std::string::npos) << origin;
        }
        Reply get = Ask(Request("GET", "/v1/echo/a", std::string("Origin: ") + origin + "\r\n"));
        ExpectOk(get);
        EXPECT_EQ(get.Header("access-control-allow-origin"), "(none)");
        EXPECT_EQ(get.Header("vary"), "Origin");
    }
}

TEST_F(GatewayCors, RepliesAndErrorsAreReadableForAnAllowedOrigin) {
    StartWith(true);
    const std::string origin = "Origin: http://localhost:3000\r\n";
    std::string etag = Ask(Request("GET", "/v1/echo/a")).Header("etag");
    const struct {
        std::string request;
        int status;
        const char *vary;
    } rows[] = {
        {Request("GET", "/v1/echo/a", origin), 200, "Origin"},
        {Request("GET", "/v1/sized/5000", origin), 200, "Accept-Encoding, Origin"},
        {Request("GET", "/v1/echo/a", origin + "If-None-Match: " + etag + "\r\n"), 304, "Origin"},
        {Request("GET", "/v1/fail/16", origin), 401, "Origin"},
        {Request("GET", "/nope", origin), 404, "Origin"},
        {Post("/v1/echo", "{", origin), 400, "Origin"},
        {Request("DELETE", "/v1/echo", origin), 405, "Origin"},
        {Request("GET", "/v1/echo/a", origin + "X-Request-Timeout: x\r\n"), 400, "Origin"},
    };
    for (const auto &row : rows) {
        Reply reply = Ask(row.request);
        EXPECT_EQ(reply.status, row.status);
        EXPECT_EQ(reply.Header("access-control-allow-origin"), "http://localhost:3000");
        EXPECT_EQ(reply.Header("access-control-allow-credentials"), "true");
        EXPECT_EQ(reply.Header("access-control-expose-headers"),
                  "X-Request-Id, ETag, Retry-After, Allow, Idempotency-Replayed, RateLimit, "
                  "RateLimit-Policy, x-cost");
        EXPECT_EQ(reply.Header("vary"), row.vary);
    }
    // Caches must tell the two apart without an Origin, too.
    EXPECT_EQ(Ask(Request("GET", "/v1/echo/a")).Header("vary"), "Origin");
}

TEST_F(GatewayCors, AnyOriginNeedsNoVary) {
    const char *const any = "*";
    http_.cors_origins = &any;
    http_.cors_origin_count = 1;
    http_.cors_max_age_s = 5;
    Start();
    Reply get = Ask(Request("GET", "/v1/echo/a", "Origin: https://b.example\r\n"));
    EXPECT_EQ(get.Header("access-control-allow-origin"), "*");
    EXPECT_EQ(get.Header("vary"), "(none)");
    Reply preflight = Preflight("/v1/echo", "https://b.example", "POST", "x");
    EXPECT_EQ(preflight.Header("access-control-allow-origin"), "*");
    EXPECT_EQ(preflight.Header("access-control-allow-methods"), "POST, OPTIONS");
    EXPECT_EQ(preflight.Header("access-control-allow-headers"), "(none)");
    EXPECT_EQ(preflight.Header("access-control-max-age"), "5");
    EXPECT_EQ(Preflight("/nope", "https://b.example", "POST", "x").status, 404);
}

// --- what is passed on ---

std::string Seen(const Reply &reply) {
    return reply.Json("data.text");
}

TEST_F(GatewayEdge, AValidTraceContextIsPassedOn) {
    Start();
    const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    Reply reply =
        Ask(Request("GET", "/v1/seen",
                    "Traceparent: " + parent + "\r\nTracestate: a=1\r\nTracestate: b=2\r\n"));
    EXPECT_NE(Seen(reply).find("traceparent=" + parent + "*1;"), std::string::npos) << reply.body;
    EXPECT_NE(Seen(reply).find("tracestate=a=1,b=2*1;"), std::string::npos) << reply.body;
    for (const std::string &headers :
         {std::string("Tracestate: a=1\r\n"),
          std::string("Traceparent: 00-bad\r\nTracestate: a=1\r\n"),
          "Traceparent: " + parent + "\r\nTraceparent: " + parent + "\r\nTracestate: a=1\r\n"}) {
        reply = Ask(Request("GET", "/v1/seen", headers));
        ExpectOk(reply);
        EXPECT_EQ(Seen(reply).find("trace"), std::string::npos) << reply.body;
    }
}

TEST_F(GatewayEdge, OnlyMappedHeadersArePassedOn) {
    const struct header_mapping mappings[] = {{"x-tenant", "x-internal"}, {"x-blob", "blob-bin"}};
    http_.request_headers = mappings;
    http_.request_header_count = 2;
    Start();
    Client client(port());
    Reply reply = client.Ask(Request("GET", "/v1/seen",
                                     "X-Tenant: t1\r\nX-TENANT: t2\r\nX-Internal: forged\r\n"
                                     "Cookie: c\r\nX-Blob: AQID\r\n"));
    ExpectOk(reply);
    EXPECT_NE(Seen(reply).find("x-internal=t1*2;"), std::string::npos) << reply.body;
    EXPECT_NE(Seen(reply).find("blob-bin=\x01\x02\x03*1;"), std::string::npos) << reply.body;
    EXPECT_EQ(Seen(reply).find("cookie"), std::string::npos);
    const struct {
        const char *headers;
        const char *message;
    } rows[] = {
        {"X-Tenant: \xc3\xa4\r\n", "the header \"x-tenant\" must be printable ASCII"},
        {"X-Blob: *\r\n", "the header \"x-blob\" must be base64"},
    };
    int64_t calls = upstream().calls();
    for (const auto &row : rows) {
        Reply refused = client.Ask(Request("GET", "/v1/seen", row.headers));
        ExpectError(refused, 400, "INVALID_ARGUMENT", "HEADER_INVALID");
        EXPECT_EQ(refused.Json("message"), row.message);
    }
    EXPECT_EQ(upstream().calls(), calls);
}

TEST_F(GatewayEdge, OptionsThatCannotBeServedAreRefusedAtStart) {
    const struct header_mapping mapping = {"te", "x-te"};
    http_.request_headers = &mapping;
    http_.request_header_count = 1;
    EXPECT_EQ(StartError(), "\"te\" cannot be mapped: it belongs to HTTP, gRPC or the gateway");
    http_ = {};
    http_.response_headers = &mapping;
    http_.response_header_count = 1;
    EXPECT_EQ(StartError(), "\"te\" cannot be mapped: it belongs to HTTP, gRPC or the gateway");
    http_ = {};
    const char *const any = "*";
    http_.cors_origins = &any;
    http_.cors_origin_count = 1;
    http_.cors_credentials = true;
    EXPECT_EQ(StartError(), "the origin \"*\" and credentials exclude each other");
}

// --- without the envelope ---

class GatewayPlain : public GatewayEdge {
  protected:
    void SetUp() override {
        http_.envelope = ENVELOPE_NONE;
    }
};

TEST_F(GatewayPlain, SuccessIsTheMessage) {
    Start();
    Reply reply = Ask(Request("GET", "/v1/echo/a?number=7", "X-Request-Id: r1\r\n"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "{\"text\":\"a\",\"number\":7}");
    EXPECT_EQ(reply.Header("x-request-id"), "r1");
    Reply known = Ask(
        Request("GET", "/v1/echo/a?number=7", "If-None-Match: " + reply.Header("etag") + "\r\n"),
        true);
    EXPECT_EQ(known.status, 304);
}

TEST_F(GatewayPlain, ErrorsOfTheGatewayAreGoogleRpcStatuses) {
    Start();
    Reply reply = Ask(Post("/v1/echo", "{\"x\":1}"));
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.Header("content-type"), "application/json");
    EXPECT_EQ(reply.Json("code"), "3");
    EXPECT_NE(
        reply.body.find("\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","
                        "\"reason\":\"BODY_INVALID\",\"domain\":\"gateway.v1\"}"),
        std::string::npos)
        << reply.body;
    EXPECT_NE(reply.body.find("{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\","
                              "\"fieldViolations\":[{\"field\":"),
              std::string::npos)
        << reply.body;
    Reply method = Ask(Request("DELETE", "/v1/echo"));
    EXPECT_EQ(method.status, 405);
    EXPECT_EQ(method.Json("code"), "12");
    EXPECT_EQ(method.Header("allow"), "POST, OPTIONS");
}

TEST_F(GatewayPlain, ErrorsOfTheUpstreamHaveItsCodeAndDetails) {
    Start();
    Reply reply = Ask(Request("GET", "/v1/fail/9"));
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.Json("code"), "9");
    EXPECT_EQ(reply.Json("message"), "failed with 9");
    EXPECT_NE(
        reply.body.find("\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","
                        "\"reason\":\"TEST_REASON\""),
        std::string::npos)
        << reply.body;
    EXPECT_NE(reply.body.find("\"metadata\":{\"key\":\"value \\\"quoted\\\"\"}"), std::string::npos)
        << reply.body;
    Reply busy = Ask(Request("GET", "/v1/fail/8"));
    EXPECT_EQ(busy.status, 429);
    EXPECT_EQ(busy.Header("retry-after"), "3");
    EXPECT_NE(busy.body.find("google.rpc.RetryInfo\",\"retryDelay\":\"2.500s\""), std::string::npos)
        << busy.body;
}

TEST_F(GatewayPlain, TheTimeoutOfASlowRequestIsAStatusToo) {
    struct gateway_limits limits = {};
    limits.request_timeout_ms = 100;
    Start(limits);
    Client client(port());
    client.Send("POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n{");
    Reply reply = client.Receive();
    EXPECT_EQ(reply.status, 408);
    EXPECT_EQ(reply.Json("code"), "4");
    EXPECT_NE(reply.body.find("\"reason\":\"REQUEST_TIMEOUT\""), std::string::npos) << reply.body;
    EXPECT_TRUE(client.AtEnd());
}

} // namespace
