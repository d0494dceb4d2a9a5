extern "C" {
#include "gateway/edge/request_head.h"
}

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

class RequestHead : public ::testing::Test {
  protected:
    void SetUp() override {
        arena_init(&arena_);
        limits_.header_bytes = 1000;
        limits_.url_bytes = 100;
        limits_.body_bytes = 50;
    }
    void TearDown() override {
        arena_release(&arena_);
    }

    const error *Check(const std::string &target, const Headers &headers, bool http_1_1 = true,
                       const std::string &method = "POST") {
        std::vector<http_header> list;
        for (const auto &h : headers) {
            list.push_back({arena_copy(&arena_, slice_of(h.first.data(), h.first.size())),
                            arena_copy(&arena_, slice_of(h.second.data(), h.second.size()))});
        }
        request_head head = {arena_copy(&arena_, slice_of(method.data(), method.size())),
                             arena_copy(&arena_, slice_of(target.data(), target.size())), http_1_1,
                             list.data(), list.size()};
        const error *e = request_head_check(&arena_, &head, &limits_, &facts_);
        if (e != nullptr) {
            EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
            EXPECT_STREQ("gateway.v1", e->domain);
        }
        return e;
    }

    // The reason and message of a refusal; "" if there is none.
    std::string Refusal(const std::string &target, const Headers &headers, bool http_1_1 = true) {
        const error *e = Check(target, headers, http_1_1);
        return e == nullptr ? "" : std::string(e->reason) + ": " + e->message;
    }

    arena arena_;
    gateway_limits limits_ = {};
    request_facts facts_ = {};
};

TEST_F(RequestHead, TellsWhetherTheClientKeepsTheConnection) {
    const struct {
        Headers connection;
        bool in_1_1, in_1_0;
    } rows[] = {
        {{}, true, false},
        {{{"Connection", "keep-alive"}}, true, true},
        {{{"Connection", "x , KEEP-ALIVE"}}, true, true},
        {{{"Connection", "x"}, {"connection", "Keep-Alive"}}, true, true},
        {{{"Connection", "close"}}, false, false},
        {{{"Connection", "x,Close"}}, false, false},
        {{{"Connection", "keep-alive"}, {"Connection", "close"}}, false, false},
        {{{"Connection", "closed, keep-alivee"}}, true, false},
        {{{"Keep-Alive", "timeout=5"}}, true, false},
    };
    for (const auto &row : rows) {
        Headers headers = row.connection;
        headers.push_back({"Host", "h"});
        ASSERT_EQ(nullptr, Check("/", headers));
        EXPECT_EQ(row.in_1_1, facts_.is_persistent) << headers[0].second;
        EXPECT_TRUE(facts_.is_http_1_1);
        ASSERT_EQ(nullptr, Check("/", headers, false));
        EXPECT_EQ(row.in_1_0, facts_.is_persistent) << headers[0].second;
        EXPECT_FALSE(facts_.is_http_1_1);
    }
}

TEST_F(RequestHead, TellsTheFactsOfAPlainRequest) {
    ASSERT_EQ(nullptr, Check("/v1/runs?a=b?c", {{"HOST", "h"},
                                                {"Content-length", "50"},
                                                {"Content-Type", "application/json"},
                                                {"X-Request-ID", "abc-123"},
                                                {"authorization", "Bearer t"}}));
    EXPECT_TRUE(slice_equal_cstr(facts_.path, "/v1/runs"));
    EXPECT_TRUE(slice_equal_cstr(facts_.query, "a=b?c"));
    EXPECT_TRUE(facts_.has_content_length);
    EXPECT_EQ(50u, facts_.content_length);
    EXPECT_FALSE(facts_.is_chunked);
    EXPECT_TRUE(facts_.media_type_is_json);
    EXPECT_TRUE(slice_equal_cstr(facts_.request_id, "abc-123"));
    EXPECT_TRUE(slice_equal_cstr(facts_.authorization, "Bearer t"));
    EXPECT_EQ(0, facts_.timeout_ms);
}

TEST_F(RequestHead, RefusesWhatTwoReadersCouldReadInTwoWays) {
    const struct {
        Headers headers;
        const char *complaint;
    } rows[] = {
        {{{"Host", "h"}, {"Content-Length", "1"}, {"content-length", "1"}},
         "HEADER_INVALID: the header \"content-length\" is there 2 times"},
        {{{"Host", "h"}, {"Host", "h"}}, "HEADER_INVALID: the header \"host\" is there 2 times"},
        {{{"Host", "h"}, {"Authorization", "a"}, {"Authorization", "a"}},
         "HEADER_INVALID: the header \"authorization\" is there 2 times"},
        {{{"Host", "h"}, {"Content-Type", "a"}, {"Content-Type", "a"}},
         "HEADER_INVALID: the header \"content-type\" is there 2 times"},
        {{{"Host", "h"}, {"X-Request-Id", "a"}, {"X-Request-Id", "b"}},
         "HEADER_INVALID: the header \"x-request-id\" is there 2 times"},
        {{{"Host", "h"}, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
         "HEADER_INVALID: the header \"transfer-encoding\" is there 2 times"},
        {{{"Host", "h"}, {"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}},
         "HEADER_INVALID: \"content-length\" and \"transfer-encoding\" exclude each other"},
        {{{"Host", "h"}, {"Transfer-Encoding", "xchunked"}},
         "HEADER_INVALID: \"transfer-encoding\" must be \"chunked\", got \"xchunked\""},
        {{{"Host", "h"}, {"Transfer-Encoding", "gzip, chunked"}},
         "HEADER_INVALID: \"transfer-encoding\" must be"},
        {{{"Host", "h"}, {"Transfer-Encoding", ""}}, "HEADER_INVALID: \"transfer-encoding\" must"},
        {{{"Host", "h"}, {"Content-Length", "+1"}},
         "HEADER_INVALID: \"content-length\" must be a number of at most 18 digits, got \"+1\""},
        {{{"Host", "h"}, {"Content-Length", "-1"}}, "HEADER_INVALID: \"content-length\" must be"},
        {{{"Host", "h"}, {"Content-Length", "1,1"}}, "HEADER_INVALID: \"content-length\" must be"},
        {{{"Host", "h"}, {"Content-Length", "0x1"}}, "HEADER_INVALID: \"content-length\" must be"},
        {{{"Host", "h"}, {"Content-Length", ""}}, "HEADER_INVALID: \"content-length\" must be"},
        {{{"Host", "h"}, {"Content-Length", "9999999999999999999"}},
         "HEADER_INVALID: \"content-length\" must be"},
        {{}, "HEADER_INVALID: the header \"host\" is missing"},
        {{{"Host", "h"}, {"X", "a\rb"}}, "HEADER_INVALID: the header \"X\" holds a control"},
        {{{"Host", "h"}, {"X", "a\nb"}}, "HEADER_INVALID: the header \"X\" holds a control"},
        {{{"Host", "h"}, {"X", std::string("a\0b", 3)}}, "HEADER_INVALID: the header \"X\" holds"},
        {{{"Host", "h"}, {"X", "a\x7f"}}, "HEADER_INVALID: the header \"X\" holds a control"},
    };
    for (const auto &row : rows) {
        std::string refusal = Refusal("/v1/runs", row.headers);
        EXPECT_EQ(0u, refusal.find(row.complaint)) << row.complaint << " <> " << refusal;
    }
    EXPECT_EQ("", Refusal("/v1/runs", {{"Host", "h"}, {"Transfer-Encoding", "Chunked"}}));
    EXPECT_EQ("", Refusal("/v1/runs", {}, false)) << "HTTP/1.0 needs no host";
    EXPECT_NE("", Refusal("/v1/runs", {{"Transfer-Encoding", "chunked"}}, false));
    EXPECT_EQ("", Refusal("/v1/runs", {{"Host", "h"}, {"X", "a\tb"}, {"X", "again"}}));
}

TEST_F(RequestHead, HoldsEachLimitExactly) {
    const Headers host = {{"Host", "h"}};
    EXPECT_EQ("", Refusal("/" + std::string(99, 'a'), host));
    EXPECT_EQ("URL_TOO_LONG: path and query have 101 bytes, at most 100 are allowed",
              Refusal("/" + std::string(100, 'a'), host));
    EXPECT_EQ("", Refusal("/", {{"Host", "h"}, {"Content-Length", "50"}}));
    EXPECT_EQ("BODY_TOO_LARGE: the body has 51 bytes, at most 50 are allowed",
              Refusal("/", {{"Host", "h"}, {"Content-Length", "51"}}));
    // "POST / HTTP/1.1\r\n" and "Host: h\r\n" are 26 bytes, "X: \r\n" 5 more.
    EXPECT_EQ("", Refusal("/", {{"Host", "h"}, {"X", std::string(969, 'a')}}));
    EXPECT_EQ(
        "HEADERS_TOO_LARGE: request line and headers have 1001 bytes, at most 1000 are allowed",
        Refusal("/", {{"Host", "h"}, {"X", std::string(970, 'a')}}));
}

TEST_F(RequestHead, ReadsTheTargetInItsForms) {
    const struct {
        const char *target;
        const char *path;  // NULL: refused
        const char *query; // or part of the message
    } rows[] = {
        {"/", "/", ""},
        {"/?", "/", ""},
        {"/a%2Fb?c=/d?e", "/a%2Fb", "c=/d?e"},
        {"//a", "//a", ""},
        {"http://example.com/a", "/a", ""},
        {"HTTPS://example.com:8/a?b", "/a", "b"},
        {"http://[::1]:8/a", "/a", ""},
        {"http://example.com", "/", ""},
        {"http://example.com?a=/b", "/", "a=/b"},
        {"http://example.com/@", "/@", ""},
        {"http://", nullptr, "names no host"},
        {"http:///a", nullptr, "names no host"},
        {"http://?/a", nullptr, "names no host"},
        {"http://:8/a", nullptr, "names no host"},
        {"http://u:secret@h/a", nullptr, "must not name a user"},
        {"http://h#/a", nullptr, "0x23"},
        {"http://h\xC3/a", nullptr, "0xc3"},
        {"http:/a", nullptr, "does not begin with"},
        {"a", nullptr, "does not begin with"},
        {"?a", nullptr, "does not begin with"},
        {"", nullptr, "does not begin with"},
        {"*", nullptr, "does not begin with"},
        {"ftp://example.com/a", nullptr, "does not begin with"},
        {"/a#b", nullptr, "0x23"},
        {"/a b", nullptr, "0x20"},
        {"/\xC3\xA4", nullptr, "0xc3"},
        {"/a\x7f", nullptr, "0x7f"},
    };
    for (const auto &row : rows) {
        const error *e = Check(row.target, {{"Host", "h"}});
        ASSERT_EQ(row.path == nullptr, e != nullptr) << row.target;
        if (e == nullptr) {
            EXPECT_TRUE(slice_equal_cstr(facts_.path, row.path)) << row.target;
            EXPECT_TRUE(slice_equal_cstr(facts_.query, row.query)) << row.target;
        } else {
            EXPECT_STREQ("HEADER_INVALID", e->reason);
            EXPECT_NE(nullptr, strstr(e->message, row.query)) << row.target << ": " << e->message;
            EXPECT_EQ(nullptr, strstr(e->message, "secret"));
        }
    }
    EXPECT_EQ(nullptr, Check("*", {{"Host", "h"}}, true, "OPTIONS"));
}

TEST_F(RequestHead, KnowsJsonByItsMediaType) {
    const struct {
        const char *type;
        bool json;
    } rows[] = {
        {"application/json", true},
        {"Application/JSON", true},
        {"application/json; charset=utf-8", true},
        {"application/json;charset=\"UTF-8\"", true},
        {"application/json ; x=y ; charset=Utf-8", true},
        {"application/json; charset=latin1", false},
        {"application/jsonp", false},
        {"application/x-www-form-urlencoded", false},
        {"text/json", false},
        {"", false},
    };
    for (const auto &row : rows) {
        ASSERT_EQ(nullptr, Check("/", {{"Host", "h"}, {"Content-Type", row.type}}));
        EXPECT_EQ(row.json, facts_.media_type_is_json) << row.type;
    }
}

TEST_F(RequestHead, ReadsBothDeadlineHeadersAndTakesTheSooner) {
    const struct {
        Headers headers;
        int64_t ms; // 0: refused
    } rows[] = {
        {{{"X-Request-Timeout", "2.5"}}, 2500},
        {{{"X-Request-Timeout", "3"}}, 3000},
        {{{"X-Request-Timeout", "0.001"}}, 1},
        {{{"X-Request-Timeout", "0.12345"}}, 123},
        {{{"Grpc-Timeout", "100m"}}, 100},
        {{{"Grpc-Timeout", "2S"}}, 2000},
        {{{"Grpc-Timeout", "1M"}}, 60000},
        {{{"Grpc-Timeout", "1H"}}, 3600000},
        {{{"Grpc-Timeout", "1500u"}}, 2},
        {{{"Grpc-Timeout", "99999999n"}}, 100},
        {{{"Grpc-Timeout", "99999999H"}}, 24 * 3600 * 1000},
        {{{"Grpc-Timeout", "1S"}, {"X-Request-Timeout", "2"}}, 1000},
        {{{"Grpc-Timeout", "3S"}, {"X-Request-Timeout", "2"}}, 2000},
        {{{"X-Request-Timeout", "0"}}, 0},
        {{{"X-Request-Timeout", "0.0001"}}, 0},
        {{{"X-Request-Timeout", "-1"}}, 0},
        {{{"X-Request-Timeout", "1."}}, 0},
        {{{"X-Request-Timeout", ".5"}}, 0},
        {{{"X-Request-Timeout", "1s"}}, 0},
        {{{"X-Request-Timeout", ""}}, 0},
        {{{"Grpc-Timeout", "100"}}, 0},
        {{{"Grpc-Timeout", "m"}}, 0},
        {{{"Grpc-Timeout", "123456789m"}}, 0},
        {{{"Grpc-Timeout", "1x"}}, 0},
        {{{"Grpc-Timeout", "0m"}}, 0},
    };
    for (const auto &row : rows) {
        Headers headers = row.headers;
        headers.emplace_back("Host", "h");
        const error *e = Check("/", headers);
        ASSERT_EQ(row.ms == 0, e != nullptr) << row.headers[0].second;
        if (e == nullptr) {
            EXPECT_EQ(row.ms, facts_.timeout_ms) << row.headers[0].second;
        } else {
            EXPECT_STREQ("HEADER_INVALID", e->reason);
            EXPECT_NE(std::string::npos, std::string(e->message).find(row.headers[0].second));
        }
    }
}

TEST_F(RequestHead, KeepsAValidRequestIdThoughTheRequestIsRefused) {
    EXPECT_NE(nullptr, Check("bad", {{"Host", "h"}, {"X-Request-Id", "abc"}}));
    EXPECT_TRUE(slice_equal_cstr(facts_.request_id, "abc"));
    EXPECT_EQ(nullptr, Check("/", {{"Host", "h"}, {"X-Request-Id", "a b"}}));
    EXPECT_EQ(0u, facts_.request_id.len);
}

TEST_F(RequestHead, NeverRepeatsTheTokenInAMessage) {
    for (const std::pair<std::string, std::string> &header : {
             std::pair<std::string, std::string>{"Authorization", "Bearer rst_\x01secret"},
             // What libmicrohttpd makes of "Authorization: Bearer" and a folded line.
             {"AuthorizationBearer secret", "Bearer"},
             {"authorizationsecret", "\x01"},
         }) {
        const error *e = Check("/", {{"Host", "h"}, header});
        ASSERT_NE(nullptr, e);
        EXPECT_EQ(std::string::npos, std::string(e->message).find("secret")) << e->message;
        EXPECT_NE(nullptr, strcasestr(e->message, "\"authorization\"")) << e->message;
    }
}

} // namespace
