#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/edge/request_head.h"
}

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr size_t kHeaderBytes = 1000, kUrlBytes = 200, kBodyBytes = 5000;

struct Head {
    std::string method = "GET";
    std::string target = "/a";
    bool http_1_1 = true;
    Headers headers;
};

// The facts borrow from head, so it must have a name.
const struct error *Check(struct arena *a, Head &&head, struct request_facts *ret) = delete;
const struct error *Check(struct arena *a, const Head &head, struct request_facts *ret) {
    std::vector<struct http_header> headers;
    for (const auto &h : head.headers) {
        headers.push_back({S(h.first), S(h.second)});
    }
    struct request_head view = {S(head.method), S(head.target), head.http_1_1, headers.data(),
                                headers.size()};
    struct gateway_limits limits = {};
    limits.header_bytes = kHeaderBytes;
    limits.url_bytes = kUrlBytes;
    limits.body_bytes = kBodyBytes;
    return request_head_check(a, &view, &limits, ret);
}

Headers WithHost(Headers more) {
    more.insert(more.begin(), {"Host", "h"});
    return more;
}

struct Refused {
    const char *name;
    Head head;
    const char *reason;
    const char *fragment; // of the message
};

class RefusedByRule : public testing::TestWithParam<Refused> {};

TEST_P(RefusedByRule, IsNamedWithItsReason) {
    Arena a;
    struct request_facts facts;
    const struct error *error = Check(a, GetParam().head, &facts);
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->code, STATUS_INVALID_ARGUMENT);
    EXPECT_STREQ(error->reason, GetParam().reason) << error->message;
    EXPECT_STREQ(error->domain, "gateway.v1");
    EXPECT_NE(std::string(error->message).find(GetParam().fragment), std::string::npos)
        << error->message;
}

Refused Header(const char *name, Headers headers, const char *fragment) {
    return {name, {"POST", "/a", true, WithHost(std::move(headers))}, "HEADER_INVALID", fragment};
}

Refused Target(const char *name, const std::string &target, const char *fragment) {
    return {name, {"GET", target, true, WithHost({})}, "HEADER_INVALID", fragment};
}

const Refused kRefused[] = {
    // --- duplicates ---
    Header("two_hosts", {{"host", "h"}}, "\"host\" is there 2 times"),
    Header("two_authorizations", {{"Authorization", "a"}, {"AUTHORIZATION", "b"}}, "authorization"),
    Header("two_lengths", {{"Content-Length", "2"}, {"Content-Length", "2"}}, "content-length"),
    Header("three_lengths",
           {{"Content-Length", "2"}, {"content-length", "2"}, {"Content-length", "3"}}, "3 times"),
    Header("two_types", {{"Content-Type", "a"}, {"Content-Type", "a"}}, "content-type"),
    Header("two_encodings", {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
           "transfer-encoding"),
    Header("two_request_ids", {{"X-Request-Id", "a"}, {"X-Request-Id", "a"}}, "x-request-id"),
    Header("two_timeouts", {{"X-Request-Timeout", "1"}, {"X-Request-Timeout", "1"}},
           "x-request-timeout"),
    Header("two_grpc_timeouts", {{"Grpc-Timeout", "1S"}, {"Grpc-Timeout", "1S"}}, "grpc-timeout"),
    // --- framing ---
    Header("length_and_encoding", {{"Content-Length", "2"}, {"Transfer-Encoding", "chunked"}},
           "exclude each other"),
    Header("encoding_and_length", {{"Transfer-Encoding", "chunked"}, {"Content-Length", "0"}},
           "exclude each other"),
    Header("identity", {{"Transfer-Encoding", "identity"}}, "got \"identity\""),
    Header("gzip_chunked", {{"Transfer-Encoding", "gzip, chunked"}}, "got \"gzip, chunked\""),
    Header("chunked_twice_in_one", {{"Transfer-Encoding", "chunked, chunked"}}, "chunked, chunked"),
    Header("xchunked", {{"Transfer-Encoding", "xchunked"}}, "xchunked"),
    Header("chunked_and_space", {{"Transfer-Encoding", "chunked "}}, "chunked "),
    Header("chunked_and_vt",
           {{"Transfer-Encoding", "\x0b"
                                  "chunked"}},
           "control character"),
    Header("encoding_empty", {{"Transfer-Encoding", ""}}, "transfer-encoding"),
    Header("length_of_a_word", {{"Content-Length", "two"}}, "got \"two\""),
    Header("length_negative", {{"Content-Length", "-1"}}, "got \"-1\""),
    Header("length_with_a_sign", {{"Content-Length", "+2"}}, "got \"+2\""),
    Header("length_in_hex", {{"Content-Length", "0x2"}}, "got \"0x2\""),
    Header("length_of_two", {{"Content-Length", "2, 2"}}, "got \"2, 2\""),
    Header("length_with_space", {{"Content-Length", "2 "}}, "got \"2 \""),
    Header("length_with_a_fraction", {{"Content-Length", "2.0"}}, "got \"2.0\""),
    Header("length_empty", {{"Content-Length", ""}}, "content-length"),
    Header("length_beyond_64_bits", {{"Content-Length", "18446744073709551618"}}, "content-length"),
    Refused{"chunked_in_1_0",
            {"POST", "/a", false, {{"Transfer-Encoding", "chunked"}}},
            "HEADER_INVALID",
            "HTTP/1.1"},
    // --- names and values ---
    Header("name_with_space", {{"Content-Length ", "5"}}, "\"Content-Length \" is no token"),
    Header("name_with_tab", {{"Transfer-Encoding\t", "chunked"}}, "is no token"),
    Header("name_begins_with_space", {{" X", "a"}}, "\" X\" is no token"),
    Header("name_empty", {{"", "a"}}, "is no token"),
    Header("name_with_slash", {{"a/b", "a"}}, "is no token"),
    Header("name_beyond_ascii", {{"\xc3\xa4", "a"}}, "is no token"),
    Header("value_with_cr", {{"X", "a\rb"}}, "\"X\" holds a control character"),
    Header("value_with_lf", {{"X", "a\nb"}}, "control character"),
    Header("value_with_nul", {{"X", std::string("a\0b", 3)}}, "control character"),
    Header("value_with_del", {{"X", "a\x7f"}}, "control character"),
    Header("value_with_escape", {{"Authorization", "Bearer \x1b[2J"}}, "\"Authorization\" holds"),
    Refused{"no_host", {"GET", "/a", true, {}}, "HEADER_INVALID", "\"host\" is missing"},
    Refused{"method_with_a_quote",
            {"GE\"T", "/a", true, WithHost({})},
            "HEADER_INVALID",
            "is no token"},
    // --- target ---
    Target("target_empty", "", "does not begin with"),
    Target("target_relative", "a/b", "\"a/b\" does not begin with"),
    Target("target_of_connect", "h:443", "does not begin with"),
    Target("target_asterisk_of_get", "*", "does not begin with"),
    Target("target_of_another_scheme", "ftp://h/a", "does not begin with"),
    Target("target_with_space", "/a b", "0x20"),
    Target("target_with_fragment", "/a#b", "0x23"),
    Target("target_with_control", "/a\x01", "0x01"),
    Target("target_with_nul", std::string("/a\0", 3), "0x00"),
    Target("target_beyond_ascii", "/\xc3\xa4", "0xc3"),
    Target("target_with_del", "/a\x7f", "0x7f"),
    Target("query_with_space", "/a?b= c", "0x20"),
    // --- deadlines ---
    Header("seconds_of_a_word", {{"X-Request-Timeout", "soon"}}, "\"x-request-timeout\" must be"),
    Header("seconds_zero", {{"X-Request-Timeout", "0"}}, "got \"0\""),
    Header("seconds_zero_long", {{"X-Request-Timeout", "0.0004"}}, "got \"0.0004\""),
    Header("seconds_negative", {{"X-Request-Timeout", "-1"}}, "got \"-1\""),
    Header("seconds_empty", {{"X-Request-Timeout", ""}}, "x-request-timeout"),
    Header("seconds_with_unit", {{"X-Request-Timeout", "2s"}}, "got \"2s\""),
    Header("seconds_with_exponent", {{"X-Request-Timeout", "1e3"}}, "got \"1e3\""),
    Header("seconds_with_comma", {{"X-Request-Timeout", "2,5"}}, "got \"2,5\""),
    Header("seconds_without_whole", {{"X-Request-Timeout", ".5"}}, "got \".5\""),
    Header("seconds_without_fraction", {{"X-Request-Timeout", "2."}}, "got \"2.\""),
    Header("seconds_of_ten_digits", {{"X-Request-Timeout", "1234567890"}}, "x-request-timeout"),
    Header("grpc_without_unit", {{"Grpc-Timeout", "100"}}, "\"grpc-timeout\" must be"),
    Header("grpc_without_number", {{"Grpc-Timeout", "m"}}, "got \"m\""),
    Header("grpc_of_nine_digits", {{"Grpc-Timeout", "123456789m"}}, "grpc-timeout"),
    Header("grpc_of_another_unit", {{"Grpc-Timeout", "1s"}}, "got \"1s\""),
    Header("grpc_zero", {{"Grpc-Timeout", "0S"}}, "got \"0S\""),
    Header("grpc_with_fraction", {{"Grpc-Timeout", "1.5S"}}, "got \"1.5S\""),
};

INSTANTIATE_TEST_SUITE_P(Table, RefusedByRule, testing::ValuesIn(kRefused),
                         [](const auto &info) { return std::string(info.param.name); });

// --- limits, at and one above ---

Head OfBytes(size_t bytes) {
    // "GET /a HTTP/1.1\r\n" are 17, "Host: h\r\n" 9, "X: \r\n" 5.
    return {"GET", "/a", true, WithHost({{"X", std::string(bytes - 31, 'x')}})};
}

TEST(RequestHeadRuleLimits, HeaderBytes) {
    Arena a;
    struct request_facts facts;
    Head at_limit = OfBytes(kHeaderBytes), above = OfBytes(kHeaderBytes + 1);
    EXPECT_EQ(Check(a, at_limit, &facts), nullptr);
    const struct error *error = Check(a, above, &facts);
    ASSERT_NE(error, nullptr);
    EXPECT_STREQ(error->reason, "HEADERS_TOO_LARGE");
    EXPECT_STREQ(error->message,
                 "request line and headers have 1001 bytes, at most 1000 are allowed");
}

TEST(RequestHeadRuleLimits, UrlBytes) {
    Arena a;
    struct request_facts facts;
    Head head = {"GET", "/" + std::string(kUrlBytes - 1, 'x'), true, WithHost({})};
    EXPECT_EQ(Check(a, head, &facts), nullptr);
    head.target += "x";
    const struct error *error = Check(a, head, &facts);
    ASSERT_NE(error, nullptr);
    EXPECT_STREQ(error->reason, "URL_TOO_LONG");
    EXPECT_STREQ(error->message, "path and query have 201 bytes, at most 200 are allowed");
    // The query counts.
    head.target = "/a?" + std::string(kUrlBytes - 2, 'x');
    ASSERT_NE(Check(a, head, &facts), nullptr);
}

TEST(RequestHeadRuleLimits, BodyBytes) {
    Arena a;
    struct request_facts facts;
    Head head = {"POST", "/a", true, WithHost({{"Content-Length", "5000"}})};
    EXPECT_EQ(Check(a, head, &facts), nullptr);
    EXPECT_TRUE(facts.has_content_length);
    EXPECT_EQ(facts.content_length, 5000u);
    head.headers[1].second = "5001";
    const struct error *error = Check(a, head, &facts);
    ASSERT_NE(error, nullptr);
    EXPECT_STREQ(error->reason, "BODY_TOO_LARGE");
    EXPECT_STREQ(error->message, "the body has 5001 bytes, at most 5000 are allowed");
}

// --- what is taken ---

TEST(RequestHeadRules, SplitsTheTarget) {
    struct Row {
        const char *target, *path, *query;
    };
    for (const Row &row : {
             Row{"/", "/", ""},
             Row{"/a%20b/%2F", "/a%20b/%2F", ""},
             Row{"/a?", "/a", ""},
             Row{"/a?b=c&d=%26", "/a", "b=c&d=%26"},
             Row{"/a?b?c", "/a", "b?c"},
             Row{"//a", "//a", ""},
             Row{"http://h/a?b", "/a", "b"},
             Row{"HTTPS://h:1/a", "/a", ""},
             Row{"http://h", "/", ""},
         }) {
        Arena a;
        struct request_facts facts;
        Head head = {"GET", row.target, true, WithHost({})};
        ASSERT_EQ(Check(a, head, &facts), nullptr) << row.target;
        EXPECT_EQ(Str(facts.path), row.path);
        EXPECT_EQ(Str(facts.query), row.query);
    }
}

TEST(RequestHeadRules, TakesWhatHttpAllows) {
    for (const Headers &headers : {
             Headers{{"X", "\t \xc3\xa4 ~"}},
             Headers{{"!#$%&'*+-.^_`|~09azAZ", ""}},
             Headers{{"Accept", "a"}, {"Accept", "b"}, {"Cookie", "c"}, {"Cookie", "d"}},
             Headers{{"Content-Length", "0"}},
             Headers{{"Content-Length", "002"}},
             Headers{{"Transfer-Encoding", "Chunked"}},
         }) {
        Arena a;
        struct request_facts facts;
        Head head = {"BREW", "/a", true, WithHost(headers)};
        const struct error *error = Check(a, head, &facts);
        EXPECT_EQ(error, nullptr) << error->message;
    }
}

TEST(RequestHeadRules, NeedsNoHostInHttp10) {
    Arena a;
    struct request_facts facts;
    Head head = {"GET", "/a", false, {}};
    EXPECT_EQ(Check(a, head, &facts), nullptr);
}

TEST(RequestHeadRules, TellsJsonFromOtherMediaTypes) {
    struct Row {
        const char *type;
        bool is_json;
    };
    for (const Row &row : {
             Row{"application/json", true},
             Row{"Application/JSON", true},
             Row{"application/json; charset=utf-8", true},
             Row{"application/json;charset=UTF-8", true},
             Row{"application/json; charset=\"utf-8\"", true},
             Row{"application/json ; version=1", true},
             Row{"application/json;", true},
             Row{"application/json; charset=latin1", false},
             Row{"application/json; a=b; charset=utf-16", false},
             Row{"application/json-patch+json", false},
             Row{"application/jso", false},
             Row{"text/json", false},
             Row{"text/plain", false},
             Row{"application/x-www-form-urlencoded", false},
             Row{"application/json, text/plain", false},
             Row{"*/*", false},
             Row{"", false},
         }) {
        Arena a;
        struct request_facts facts;
        Head head = {"POST", "/a", true, WithHost({{"Content-Type", row.type}})};
        ASSERT_EQ(Check(a, head, &facts), nullptr) << row.type;
        EXPECT_EQ(facts.media_type_is_json, row.is_json) << row.type;
        EXPECT_EQ(Str(facts.content_type), row.type);
    }
}

TEST(RequestHeadRules, TakesARequestIdOnlyIfItIsValid) {
    struct Row {
        std::string given, taken;
    };
    for (const Row &row : {
             Row{"abc-123", "abc-123"},
             Row{"A.z_0~:/+=@-", "A.z_0~:/+=@-"},
             Row{std::string(128, 'x'), std::string(128, 'x')},
             Row{std::string(129, 'x'), ""},
             Row{"", ""},
             Row{"a b", ""},
             Row{"a\"b", ""},
             Row{"a,b", ""},
             Row{"\xc3\xa4", ""},
             Row{"<script>", ""},
             Row{"a%0d%0ab", ""},
         }) {
        Arena a;
        struct request_facts facts;
        Head head = {"GET", "/a", true, WithHost({{"X-Request-Id", row.given}})};
        ASSERT_EQ(Check(a, head, &facts), nullptr) << row.given;
        EXPECT_EQ(Str(facts.request_id), row.taken);
    }
}

TEST(RequestHeadRules, KeepsTheRequestIdOfARefusedByRule) {
    Arena a;
    struct request_facts facts;
    Head head = {"GET", "/a", true, {{"x-request-id", "kept"}}};
    ASSERT_NE(Check(a, head, &facts), nullptr);
    EXPECT_EQ(Str(facts.request_id), "kept");
}

TEST(RequestHeadRules, ReadsDeadlines) {
    constexpr int64_t kDay = 24 * 60 * 60 * 1000;
    struct Row {
        Headers headers;
        int64_t ms;
    };
    for (const Row &row : {
             Row{{}, 0},
             Row{{{"X-Request-Timeout", "2.5"}}, 2500},
             Row{{{"X-Request-Timeout", "2"}}, 2000},
             Row{{{"X-Request-Timeout", "0.001"}}, 1},
             Row{{{"X-Request-Timeout", "0.0019"}}, 1},
             Row{{{"X-Request-Timeout", "1.123456789"}}, 1123},
             Row{{{"X-Request-Timeout", "00002"}}, 2000},
             Row{{{"X-Request-Timeout", "999999999"}}, kDay},
             Row{{{"Grpc-Timeout", "100m"}}, 100},
             Row{{{"grpc-timeout", "2S"}}, 2000},
             Row{{{"Grpc-Timeout", "3M"}}, 180000},
             Row{{{"Grpc-Timeout", "1H"}}, 3600000},
             Row{{{"Grpc-Timeout", "1u"}}, 1},
             Row{{{"Grpc-Timeout", "1n"}}, 1},
             Row{{{"Grpc-Timeout", "2000001u"}}, 2001},
             Row{{{"Grpc-Timeout", "99999999H"}}, kDay},
             Row{{{"Grpc-Timeout", "100m"}, {"X-Request-Timeout", "2"}}, 100},
             Row{{{"Grpc-Timeout", "5S"}, {"X-Request-Timeout", "2"}}, 2000},
         }) {
        Arena a;
        struct request_facts facts;
        Head head = {"GET", "/a", true, WithHost(row.headers)};
        const struct error *error = Check(a, head, &facts);
        ASSERT_EQ(error, nullptr) << error->message;
        EXPECT_EQ(facts.timeout_ms, row.ms);
    }
}

TEST(RequestHeadRules, PassesOnAnAuthorizationEvenIfEmpty) {
    Arena a;
    struct request_facts facts;
    Head none = {"GET", "/a", true, WithHost({})};
    ASSERT_EQ(Check(a, none, &facts), nullptr);
    EXPECT_FALSE(facts.has_authorization);
    Head empty = {"GET", "/a", true, WithHost({{"authorization", ""}})};
    ASSERT_EQ(Check(a, empty, &facts), nullptr);
    EXPECT_TRUE(facts.has_authorization);
    Head bearer = {"GET", "/a", true, WithHost({{"AUTHORIZATION", "Bearer t"}})};
    ASSERT_EQ(Check(a, bearer, &facts), nullptr);
    EXPECT_EQ(Str(facts.authorization), "Bearer t");
}

} // namespace
