#include "tests/gateway/http/fixture.h"

// What is replied to sound requests, and to those that match nothing.

namespace {

class GatewayReply : public GatewayTest {
  protected:
    void SetUp() override {
        Start();
    }
    Reply Ask(const std::string &request, bool to_head = false) {
        Client client(port());
        return client.Ask(request, to_head);
    }
};

TEST_F(GatewayReply, SuccessIsTheMessageInTheEnvelope) {
    Reply reply = Ask(Request("GET", "/v1/echo/a%20b?number=7", "X-Request-Id: r1\r\n"));
    ExpectOk(reply);
    EXPECT_EQ(reply.body, "{\"code\":200,\"data\":{\"text\":\"a b\",\"number\":7},"
                          "\"message\":\"success\",\"requestId\":\"r1\"}");
    EXPECT_EQ(reply.Header("x-request-id"), "r1");
}

TEST_F(GatewayReply, ABodyIsTranscoded) {
    Reply reply = Ask(Post("/v1/echo", "{\"text\":\"\\u00e4\",\"number\":-1}"));
    ExpectOk(reply);
    EXPECT_EQ(reply.Json("data.text"), "\xc3\xa4");
    EXPECT_EQ(reply.Json("data.number"), "-1");
}

TEST_F(GatewayReply, EachRequestWithoutAValidIdGetsAFreshOne) {
    std::string first = Ask(Request("GET", "/v1/echo/a")).Json("requestId");
    std::string second =
        Ask(Request("GET", "/v1/echo/a", "X-Request-Id: not valid\r\n")).Json("requestId");
    EXPECT_EQ(first.size(), 36u);
    EXPECT_EQ(second.size(), 36u);
    EXPECT_NE(first, second);
}

struct ErrorRow {
    const char *name;
    std::string request;
    int status;
    const char *code;
    const char *reason;
};

class GatewayError : public GatewayReply, public testing::WithParamInterface<ErrorRow> {};

TEST_P(GatewayError, IsInTheEnvelope) {
    const ErrorRow &row = GetParam();
    Reply reply = Ask(row.request);
    ExpectError(reply, row.status, row.code, row.reason);
    EXPECT_EQ(upstream().calls(), 0);
    std::string line = LogLine("\"requestId\":\"" + reply.Json("requestId") + "\"");
    EXPECT_NE(line.find("\"status\":" + std::to_string(row.status)), std::string::npos) << line;
}

INSTANTIATE_TEST_SUITE_P(
    Table, GatewayError,
    testing::Values(
        ErrorRow{"unknown_path", Request("GET", "/v2/echo/a"), 404, "NOT_FOUND", "ROUTE_NOT_FOUND"},
        ErrorRow{"root", Request("GET", "/"), 404, "NOT_FOUND", "ROUTE_NOT_FOUND"},
        ErrorRow{"trailing_slash", Request("GET", "/v1/seen/"), 404, "NOT_FOUND",
                 "ROUTE_NOT_FOUND"},
        ErrorRow{"unknown_path_with_a_body", Post("/nope", "{\"a\":1}"), 404, "NOT_FOUND",
                 "ROUTE_NOT_FOUND"},
        ErrorRow{"options_of_an_unknown_path", Request("OPTIONS", "/v2"), 404, "NOT_FOUND",
                 "ROUTE_NOT_FOUND"},
        ErrorRow{"bad_percent", Request("GET", "/v1/echo/%zz"), 400, "INVALID_ARGUMENT",
                 "PATH_INVALID"},
        ErrorRow{"other_verb", Request("DELETE", "/v1/seen"), 405, "UNIMPLEMENTED",
                 "METHOD_NOT_ALLOWED"},
        ErrorRow{"other_verb_with_a_body", Post("/v1/seen", "{}"), 405, "UNIMPLEMENTED",
                 "METHOD_NOT_ALLOWED"},
        ErrorRow{"head_of_a_post", Request("PUT", "/v1/echo"), 405, "UNIMPLEMENTED",
                 "METHOD_NOT_ALLOWED"},
        ErrorRow{"verb_in_lower_case", Request("get", "/v1/seen"), 405, "UNIMPLEMENTED",
                 "METHOD_NOT_ALLOWED"},
        ErrorRow{"stream_of_requests", Post("/v1/collect", "{}"), 501, "UNIMPLEMENTED",
                 "STREAMING_UNSUPPORTED"},
        ErrorRow{"unknown_query", Request("GET", "/v1/seen?x=1"), 400, "INVALID_ARGUMENT",
                 "QUERY_INVALID"},
        ErrorRow{"no_json", Post("/v1/echo", "{"), 400, "INVALID_ARGUMENT", "BODY_INVALID"},
        ErrorRow{"json_and_more", Post("/v1/echo", "{}{}"), 400, "INVALID_ARGUMENT",
                 "BODY_INVALID"},
        ErrorRow{"media_type_text",
                 Request("POST", "/v1/echo", "Content-Type: text/plain\r\n", "{}"), 415,
                 "INVALID_ARGUMENT", "MEDIA_TYPE_UNSUPPORTED"},
        ErrorRow{"media_type_form",
                 Request("POST", "/v1/echo", "Content-Type: application/x-www-form-urlencoded\r\n",
                         "a=b"),
                 415, "INVALID_ARGUMENT", "MEDIA_TYPE_UNSUPPORTED"},
        ErrorRow{
            "charset_latin1",
            Request("POST", "/v1/echo", "Content-Type: application/json; charset=latin1\r\n", "{}"),
            415, "INVALID_ARGUMENT", "MEDIA_TYPE_UNSUPPORTED"},
        ErrorRow{"no_host", "GET /v1/seen HTTP/1.1\r\n\r\n", 400, "INVALID_ARGUMENT",
                 "HEADER_INVALID"},
        ErrorRow{"timeout_of_a_word", Request("GET", "/v1/seen", "X-Request-Timeout: soon\r\n"),
                 400, "INVALID_ARGUMENT", "HEADER_INVALID"},
        ErrorRow{"connect", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "INVALID_ARGUMENT",
                 "HEADER_INVALID"}),
    [](const auto &info) { return std::string(info.param.name); });

TEST_F(GatewayReply, AStreamOfRequestsIsToldWhatToDo) {
    EXPECT_EQ(Ask(Post("/v1/collect", "{}")).Json("message"),
              "The method /http_test.v1.Upstream/Collect takes a stream of requests, which is "
              "served over gRPC only: call it over gRPC, or one that takes a single request.");
}

TEST_F(GatewayReply, MissingContentTypeOfABodyIsTakenForJson) {
    // curl -d, fetch and others set one; what sends none sends JSON here.
    Reply reply = Ask(Request("POST", "/v1/echo", "", "{\"text\":\"a\"}"));
    ExpectOk(reply);
}

TEST_F(GatewayReply, ContentTypeOfNoBodyDoesNotMatter) {
    for (const char *headers : {
             "",
             "Content-Length: 0\r\n",
             "Content-Type: text/plain\r\n",
             "Content-Type: text/plain\r\nContent-Length: 0\r\n",
             "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n",
             "Content-Type: multipart/form-data\r\n",
         }) {
        ExpectOk(Ask(Request("POST", "/v1/echo", headers)));
    }
    Client client(port());
    ExpectOk(client.Ask("POST /v1/echo HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
}

// --- verbs that the gateway answers ---

TEST_F(GatewayReply, HeadIsGetWithoutTheBody) {
    Client client(port());
    std::string get = Request("GET", "/v1/echo/abc", "X-Request-Id: same\r\n");
    std::string head = Request("HEAD", "/v1/echo/abc", "X-Request-Id: same\r\n");
    Reply whole = client.Ask(get);
    Reply only_head = client.Ask(head, true);
    EXPECT_EQ(only_head.status, 200);
    whole.headers.erase("date");
    only_head.headers.erase("date");
    EXPECT_EQ(only_head.headers, whole.headers);
    // Nothing follows: the next reply begins at once.
    ExpectOk(client.Ask(get));
}

TEST_F(GatewayReply, HeadOfWhatIsOnlyPostIsRefusedWithoutABody) {
    Client client(port());
    Reply reply = client.Ask(Request("HEAD", "/v1/echo"), true);
    EXPECT_EQ(reply.status, 405);
    EXPECT_EQ(reply.Header("allow"), "POST, OPTIONS");
    ExpectOk(client.Ask(Request("GET", "/v1/seen")));
}

TEST_F(GatewayReply, OptionsTellsTheVerbs) {
    Client client(port());
    Reply reply = client.Ask(Request("OPTIONS", "/v1/held"));
    EXPECT_EQ(reply.status, 204);
    EXPECT_EQ(reply.Header("allow"), "GET, POST, HEAD, OPTIONS");
    EXPECT_EQ(reply.Header("cache-control"), "no-store");
    EXPECT_EQ(reply.Header("x-request-id").size(), 36u);
    EXPECT_EQ(reply.Header("content-length"), "(none)");
    EXPECT_EQ(client.Ask(Request("OPTIONS", "/v1/echo")).Header("allow"), "POST, OPTIONS");
    ExpectOk(client.Ask(Request("GET", "/v1/seen")));
    EXPECT_EQ(upstream().calls(), 1);
}

TEST_F(GatewayReply, MethodNotAllowedTellsTheVerbs) {
    Reply reply = Ask(Request("PATCH", "/v1/held"));
    ExpectError(reply, 405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED");
    EXPECT_EQ(reply.Header("allow"), "GET, POST, HEAD, OPTIONS");
}

// --- what is passed on ---

TEST_F(GatewayReply, OnlyAuthorizationRequestIdAndTheClientsAddressAreForwarded) {
    Reply reply = Ask(Request("GET", "/v1/seen",
                              "Authorization: Bearer t0ken\r\nX-Request-Id: r1\r\n"
                              "Cookie: a=b\r\nAccept: x\r\nConnection: X-Internal\r\n"
                              "X-Internal: 1\r\nGrpc-Status: 0\r\nX-Forwarded-For: 1.2.3.4\r\n"
                              "Grpc-Metadata-X: 1\r\nTraceparent: 00-a-b-01\r\n"));
    ExpectOk(reply);
    std::string seen = reply.Json("data.text");
    EXPECT_EQ(seen.substr(0, seen.find("left=")),
              "authorization=Bearer t0ken*1;x-request-id=r1*1;x-forwarded-for=127.0.0.1*1;");
}

TEST_F(GatewayReply, TheClientsAddressIsTheConnectionsWhateverItSends) {
    Client client(port());
    for (const char *headers :
         {"", "X-Forwarded-For: 192.0.2.1\r\n", "x-forwarded-for: 192.0.2.1\r\n",
          "X-FORWARDED-FOR: unix\r\n", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: ::1\r\n",
          "Forwarded: for=192.0.2.1\r\n", "X-Real-Ip: 192.0.2.1\r\n",
          "Grpc-Metadata-X-Forwarded-For: 192.0.2.1\r\n", "X_Forwarded_For: 192.0.2.1\r\n",
          "Connection: X-Forwarded-For\r\nX-Forwarded-For: 192.0.2.1\r\n"}) {
        SCOPED_TRACE(headers);
        Reply reply = client.Ask(Request("GET", "/v1/seen", headers));
        ExpectOk(reply);
        std::string seen = reply.Json("data.text");
        EXPECT_NE(seen.find(";x-forwarded-for=127.0.0.1*1;"), std::string::npos) << seen;
    }
}

TEST_F(GatewayReply, AFreshRequestIdIsForwardedToo) {
    Reply reply = Ask(Request("GET", "/v1/seen"));
    EXPECT_EQ(reply.Json("data.text").rfind("x-request-id=" + reply.Json("requestId") + "*1;", 0),
              0u)
        << reply.body;
}

TEST_F(GatewayReply, NoTokenIsLogged) {
    Ask(Request("GET", "/v1/echo/sec-ret-token?number=1",
                "Authorization: Bearer sec-ret-token\r\nX-Request-Id: logged\r\n"));
    std::string line = LogLine("\"requestId\":\"logged\"");
    EXPECT_NE(line.find("\"method\":\"GET\""), std::string::npos) << line;
    EXPECT_NE(line.find("\"status\":200"), std::string::npos) << line;
    EXPECT_NE(line.find("\"code\":\"OK\""), std::string::npos) << line;
    EXPECT_NE(line.find("\"durationUs\":"), std::string::npos) << line;
    EXPECT_NE(line.find("\"bytes\":"), std::string::npos) << line;
    // What stands for a path that holds a token is its route.
    EXPECT_NE(line.find("\"route\":\"/v1/echo/{text}\""), std::string::npos) << line;
    EXPECT_EQ(Log().find("sec-ret"), std::string::npos) << Log();
    EXPECT_EQ(Log().find("number"), std::string::npos) << "the query is not logged";
}

// --- deadlines ---

int64_t MsLeft(const Reply &reply) {
    std::string seen = reply.Json("data.text");
    size_t at = seen.find("left=");
    return at == std::string::npos ? -1 : std::stoll(seen.substr(at + 5));
}

TEST_F(GatewayReply, DeadlineHeadersShortenTheUpstreamDeadline) {
    int64_t without = MsLeft(Ask(Request("GET", "/v1/seen")));
    EXPECT_GT(without, 20'000);
    EXPECT_LE(without, 31'000);
    int64_t seconds = MsLeft(Ask(Request("GET", "/v1/seen", "X-Request-Timeout: 12.5\r\n")));
    EXPECT_GT(seconds, 5'000);
    EXPECT_LE(seconds, 13'500);
    int64_t grpc = MsLeft(Ask(Request("GET", "/v1/seen", "Grpc-Timeout: 9000m\r\n")));
    EXPECT_GT(grpc, 2'000);
    EXPECT_LE(grpc, 10'000);
    // Never beyond the configured one.
    int64_t capped = MsLeft(Ask(Request("GET", "/v1/seen", "X-Request-Timeout: 3600\r\n")));
    EXPECT_LE(capped, 31'000);
}

TEST_F(GatewayReply, WhatACallMayWaitIsNotCountedInTheGatewaysOwnTime) {
    int64_t waits = MsLeft(Ask(Request("GET", "/v1/seen?wait=100s")));
    EXPECT_GT(waits, 120'000);
    EXPECT_LE(waits, 131'000); // gRPC's header rounds
    // The client's word counts all the same.
    int64_t shorter =
        MsLeft(Ask(Request("GET", "/v1/seen?wait=100s", "X-Request-Timeout: 60\r\n")));
    EXPECT_GT(shorter, 50'000);
    EXPECT_LE(shorter, 61'000);
    // A day at most, which no clock overflows.
    int64_t longest = MsLeft(Ask(Request("GET", "/v1/seen?wait=315576000000s")));
    EXPECT_LE(longest, 25 * 60 * 60 * INT64_C(1000));
    EXPECT_GT(longest, 23 * 60 * 60 * INT64_C(1000));
    for (const char *none : {"?wait=0s", "?wait=-5s", ""}) {
        EXPECT_LE(MsLeft(Ask(Request("GET", std::string("/v1/seen") + none))), 31'000) << none;
    }
}

} // namespace
