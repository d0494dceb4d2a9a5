#include <vector>

#include "tests/gateway/http/headers.h"

extern "C" {
#include "gateway/edge/cors.h"
}

namespace {

class Cors : public testing::Test {
  protected:
    struct gateway_http_options Options(const std::vector<const char *> &origins) {
        struct gateway_http_options options = {};
        options.cors_origins = origins.data();
        options.cors_origin_count = origins.size();
        options.cors_max_age_s = 600;
        return options;
    }

    std::string Refusal(const std::vector<const char *> &origins, bool credentials = false) {
        struct gateway_http_options options = Options(origins);
        options.cors_credentials = credentials;
        const struct error *e = cors_check(a_, &options);
        return e == nullptr ? "" : e->message;
    }

    std::string Allowed(const std::vector<const char *> &origins, const Headers &headers) {
        struct gateway_http_options options = Options(origins);
        struct cors cors = cors_of(a_, &options);
        const char *origin = cors_allow_origin(&cors, headers);
        return origin == nullptr ? "(none)" : origin;
    }

    Arena a_;
};

TEST_F(Cors, OriginsAreSpelledAsBrowsersSendThem) {
    for (const char *origin :
         {"*", "https://a.example", "http://localhost:3000", "https://[::1]:8443", "https://[::1]",
          "chrome-extension://abcdef", "https://xn--bcher-kva.example"}) {
        EXPECT_EQ(Refusal({origin}), "") << origin;
    }
    for (const char *origin : {"",
                               "null",
                               "a.example",
                               "https://",
                               "https:///",
                               "https://a.example/",
                               "https://a.example/x",
                               "https://A.example",
                               "HTTPS://a.example",
                               "https://a.example:",
                               "https://a.example:x",
                               "https://a.example:123456",
                               "https://*.example",
                               "https://[::1",
                               "https://[]",
                               "https://[::1]x",
                               "https://u@a.example",
                               "://a",
                               "1a://b",
                               "https://a.example "}) {
        EXPECT_EQ(Refusal({origin}), "the origin \"" + std::string(origin) +
                                         "\" must be \"*\" or scheme://host[:port] in lower case, "
                                         "without a path");
    }
    EXPECT_EQ(Refusal({"*", "https://a.example"}), "the origin \"*\" must be the only one");
    EXPECT_EQ(Refusal({"*"}, true), "the origin \"*\" and credentials exclude each other");
    EXPECT_EQ(Refusal({"https://a.example"}, true), "");
}

TEST_F(Cors, OnlyListedOriginsAreAllowed) {
    const std::vector<const char *> list = {"https://a.example", "http://b.example:81"};
    EXPECT_EQ(Allowed(list, {{"ORIGIN", "https://a.example"}}), "https://a.example");
    EXPECT_EQ(Allowed(list, {{"Origin", "http://b.example:81"}}), "http://b.example:81");
    for (const char *origin :
         {"http://a.example", "https://a.example:443", "https://a.example.evil",
          "https://evil-a.example", "https://A.example", "null", "", "*", "http://b.example"}) {
        EXPECT_EQ(Allowed(list, {{"Origin", origin}}), "(none)") << origin;
    }
    EXPECT_EQ(Allowed(list, {}), "(none)");
    EXPECT_EQ(Allowed({}, {{"Origin", "https://a.example"}}), "(none)");
    EXPECT_EQ(Allowed({"*"}, {{"Origin", "https://a.example"}}), "*");
    EXPECT_EQ(Allowed({"*"}, {{"Origin", "null"}}), "*");
    EXPECT_EQ(Allowed({"*"}, {}), "(none)");
}

TEST_F(Cors, TellsAPreflight) {
    const Headers both = {{"origin", "o"}, {"access-control-request-method", "PUT"}};
    EXPECT_EQ(Str(cors_preflight_method(S("OPTIONS"), both)), "PUT");
    EXPECT_EQ(Str(cors_preflight_method(S("GET"), both)), "");
    EXPECT_EQ(Str(cors_preflight_method(S("OPTIONS"), Headers{{"origin", "o"}})), "");
    const Headers no_origin = {{"access-control-request-method", "PUT"}};
    EXPECT_EQ(Str(cors_preflight_method(S("OPTIONS"), no_origin)), "");
    const Headers no_token = {{"origin", "o"}, {"access-control-request-method", "a b"}};
    EXPECT_EQ(Str(cors_preflight_method(S("OPTIONS"), no_token)), "");
}

TEST_F(Cors, AllowsHeadersThatAreKnownOrMapped) {
    const struct header_mapping request[] = {{"x-tenant", "tenant"}};
    const struct header_mapping response[] = {{"cost", "x-cost"}};
    const std::vector<const char *> origins = {"*"};
    struct gateway_http_options options = Options(origins);
    options.request_headers = request;
    options.request_header_count = 1;
    options.response_headers = response;
    options.response_header_count = 1;
    struct cors cors = cors_of(a_, &options);
    EXPECT_STREQ(cors.expose_headers, "X-Request-Id, ETag, Retry-After, Allow, "
                                      "Idempotency-Replayed, RateLimit, RateLimit-Policy, x-cost");
    EXPECT_STREQ(cors.max_age, "600");
    EXPECT_FALSE(cors.varies);
    const char name[] = "Access-Control-Request-Headers";
    EXPECT_STREQ(
        cors_allow_headers(a_, &cors, Headers{{name, "Authorization,content-TYPE , x-tenant"}}),
        "authorization, content-type, x-tenant");
    EXPECT_STREQ(
        cors_allow_headers(
            a_, &cors,
            Headers{{name, "accept, x-request-id, x-request-timeout, grpc-timeout, "
                           "if-none-match, traceparent, tracestate, content-encoding, "
                           "Idempotency-Key"}}),
        "accept, x-request-id, x-request-timeout, grpc-timeout, if-none-match, traceparent, "
        "tracestate, content-encoding, idempotency-key");
    EXPECT_STREQ(cors_allow_headers(a_, &cors, Headers{{name, "x-other, accept, cookie"}}),
                 "accept");
    EXPECT_EQ(cors_allow_headers(a_, &cors, Headers{{name, "x-other"}}), nullptr);
    EXPECT_EQ(cors_allow_headers(a_, &cors, Headers{}), nullptr);
}

} // namespace
