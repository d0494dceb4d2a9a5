#include "tests/gateway/http/fixture.h"

// Requests that may be repeated: the header Idempotency-Key, and what replies say.

namespace {

class Repeat : public GatewayTest {
  protected:
    Reply Ask(const std::string &path, const std::string &body, const std::string &headers) {
        Client client(port());
        return client.Ask(Post(path, body, headers));
    }
};

TEST_F(Repeat, TheHeaderIsTheFieldThatIsMarked) {
    Start();
    const struct {
        const char *path, *body, *headers, *text;
    } rows[] = {
        {"/v1/repeat", "{}", "", "none"},
        {"/v1/repeat", "", "Idempotency-Key: \"a b\"\r\n", "key a b"},
        {"/v1/repeat", "{}", "Idempotency-Key: k-1\r\n", "key k-1"},
        {"/v1/repeat?theKey=k-1", "{}", "", "key k-1"},
        {"/v1/repeat?theKey=k-1", "{}", "idempotency-key: \"k-1\"\r\n", "key k-1"},
        {"/v1/repeat?theKey=", "{}", "idempotency-key: \"k-1\"\r\n", "key k-1"},
        {"/v1/repeat/all", "", "Idempotency-Key: k-1\r\n", "key k-1"},
        {"/v1/repeat/all", "null", "Idempotency-Key: k-1\r\n", "key k-1"},
        {"/v1/repeat/all", R"({"theKey":"k-1"})", "", "key k-1"},
        {"/v1/repeat/all", R"({"theKey":"k-1"})", "Idempotency-Key: k-1\r\n", "key k-1"},
        {"/v1/repeat/all", R"({"theKey":""})", "Idempotency-Key: k-1\r\n", "key k-1"},
        {"/v1/repeat/all", R"({"theKey":null})", "Idempotency-Key: k-1\r\n", "key k-1"},
        {"/v1/repeat/all", R"({"theKey":"\"q\""})", "Idempotency-Key: \"\\\"q\\\"\"\r\n",
         "key \"q\""},
    };
    for (const auto &row : rows) {
        Reply reply = Ask(row.path, row.body, row.headers);
        ExpectOk(reply);
        EXPECT_EQ(reply.Json("data.text"), row.text) << row.path << row.body << row.headers;
    }
}

TEST_F(Repeat, AHeaderThatIsNoKeyIsRefusedAndCallsNobody) {
    Start();
    for (const char *headers :
         {"Idempotency-Key:\r\n", "Idempotency-Key: \"a\r\n", "Idempotency-Key: \xC3\xA4\r\n",
          "Idempotency-Key: a\r\nIdempotency-Key: a\r\n"}) {
        Reply reply = Ask("/v1/repeat", "{}", headers);
        ExpectError(reply, 400, "INVALID_ARGUMENT", "HEADER_INVALID");
        EXPECT_NE(reply.Json("message").find("Idempotency-Key"), std::string::npos);
    }
    EXPECT_EQ(upstream().calls(), 0);
}

TEST_F(Repeat, AnotherKeyInTheRequestIsRefusedWithBoth) {
    Start();
    const struct {
        const char *path, *body;
    } rows[] = {{"/v1/repeat?theKey=b", "{}"}, {"/v1/repeat/all", R"({"theKey":"b"})"}};
    for (const auto &row : rows) {
        Reply reply = Ask(row.path, row.body, "Idempotency-Key: a\r\n");
        ExpectError(reply, 400, "INVALID_ARGUMENT", "HEADER_INVALID");
        EXPECT_EQ(reply.Json("message"), "Header Idempotency-Key is \"a\", but field \"theKey\" is "
                                         "\"b\": a request has one key.");
        EXPECT_NE(reply.body.find("\"fieldViolations\":[{\"field\":\"theKey\""), std::string::npos)
            << reply.body;
    }
    EXPECT_EQ(upstream().calls(), 0);
}

TEST_F(Repeat, AMethodWithoutTheMarkDoesNotLookAtTheHeader) {
    Start();
    Reply reply = Ask("/v1/echo", R"({"text":"x"})",
                      "Idempotency-Key: a\r\nIdempotency-Key: \"\r\nIdempotency-Key: \xC3\xA4\r\n");
    ExpectOk(reply);
    EXPECT_EQ(reply.Json("data.text"), "x");
}

TEST_F(Repeat, AReplyThatWasGivenBeforeSaysSo) {
    Start();
    Reply first = Ask("/v1/repeat", "{}", "Idempotency-Key: a\r\n");
    EXPECT_EQ(first.Header("idempotency-replayed"), "(none)");
    Reply again = Ask("/v1/repeat", R"({"number":1})", "Idempotency-Key: a\r\n");
    ExpectOk(again);
    EXPECT_EQ(again.Header("idempotency-replayed"), "true");
}

TEST_F(Repeat, AMappingOfTheMetadataHasTheHeaderOnce) {
    const struct header_mapping mapping = {"idempotency-replayed", "idempotency-replayed"};
    http_.response_headers = &mapping;
    http_.response_header_count = 1;
    Start();
    EXPECT_EQ(Ask("/v1/repeat", R"({"number":1})", "").Header("idempotency-replayed"), "true");
}

// --- what the upstream says of limits ---

TEST_F(Repeat, AReplyAndAnErrorSayWhatIsLeftOfLimits) {
    Start();
    Reply none = Ask("/v1/repeat", "{}", "");
    EXPECT_EQ(none.Header("ratelimit"), "(none)");
    EXPECT_EQ(none.Header("ratelimit-policy"), "(none)");
    for (const char *key : {"limited", "refused"}) {
        Reply reply = Ask("/v1/repeat", "{}", "Idempotency-Key: " + std::string(key) + "\r\n");
        EXPECT_EQ(reply.Header("ratelimit-policy"), "\"reads\";q=200;w=2");
        EXPECT_EQ(reply.Header("ratelimit"), "\"reads\";r=0;t=1");
    }
    Reply refused = Ask("/v1/repeat", "{}", "Idempotency-Key: refused\r\n");
    ExpectError(refused, 429, "RESOURCE_EXHAUSTED", "RATE_LIMITED");
    EXPECT_EQ(refused.Header("retry-after"), "2");
}

TEST_F(Repeat, AMappingOfLimitsHasTheHeaderOnce) {
    const struct header_mapping mapping = {"ratelimit", "ratelimit"};
    http_.response_headers = &mapping;
    http_.response_header_count = 1;
    Start();
    EXPECT_EQ(Ask("/v1/repeat", "{}", "Idempotency-Key: limited\r\n").Header("ratelimit"),
              "\"reads\";r=0;t=1");
}

} // namespace
