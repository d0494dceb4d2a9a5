#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/edge/head_layout.h"
}

namespace {

// A head as libmicrohttpd leaves it: "|" stands for NUL. Method, target, version,
// names and values are looked for one after the other; what is not there lies in
// other memory, as a folded line does.
struct Row {
    const char *name;
    std::string head;
    std::vector<std::string> request_line;
    std::vector<std::pair<std::string, std::string>> headers;
    const char *fault; // part of the message; NULL: none
};

class HeadLayout : public testing::TestWithParam<Row> {};

TEST_P(HeadLayout, TellsHowTheHeadWasSent) {
    const Row &row = GetParam();
    std::string head = row.head;
    std::replace(head.begin(), head.end(), '|', '\0');
    Exact exact(head);
    const uint8_t *at = exact.data;
    auto find = [&](const std::string &part) {
        const uint8_t *end = exact.data + exact.size;
        const uint8_t *found = std::search(at, end, part.begin(), part.end());
        if (found == end) {
            return slice_of(part.data(), part.size());
        }
        at = found + part.size();
        return slice_of(found, part.size());
    };
    struct head_layout layout = {};
    layout.bytes = exact;
    layout.method = find(row.request_line[0]);
    layout.target = find(row.request_line[1]);
    layout.version = find(row.request_line[2]);
    std::vector<struct http_header> headers;
    for (const auto &header : row.headers) {
        struct slice name = find(header.first);
        headers.push_back({name, find(header.second)});
    }
    layout.headers = headers.data();
    layout.header_count = headers.size();
    Arena a;
    const struct error *error = head_layout_check(a, &layout);
    if (row.fault == nullptr) {
        EXPECT_EQ(error, nullptr) << error->message;
        return;
    }
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->code, STATUS_INVALID_ARGUMENT);
    EXPECT_STREQ(error->reason, "HEADER_INVALID");
    EXPECT_STREQ(error->domain, "gateway.v1");
    EXPECT_NE(std::string(error->message).find(row.fault), std::string::npos) << error->message;
}

const std::vector<std::string> kGet = {"GET", "/a", "HTTP/1.1"};
const char kLine[] = "request line";
const char kHost[] = "header \"Host\"";
const char kEnd[] = "empty line";

INSTANTIATE_TEST_SUITE_P(
    Table, HeadLayout,
    testing::Values(
        Row{"plain",
            "GET|/a|HTTP/1.1||Host| h||X| y||||",
            kGet,
            {{"Host", "h"}, {"X", "y"}},
            nullptr},
        Row{"no_headers", "GET|/a|HTTP/1.1||||", kGet, {}, nullptr},
        Row{"no_space", "GET|/a|HTTP/1.1||Host|h||||", kGet, {{"Host", "h"}}, nullptr},
        Row{"white_space", "GET|/a|HTTP/1.1||Host| \t h ||||", kGet, {{"Host", "h "}}, nullptr},
        Row{"white_space_behind",
            "GET|/a|HTTP/1.1||Host| h \t ||||",
            kGet,
            {{"Host", "h"}},
            nullptr},
        Row{"NUL_behind_white_space",
            "GET|/a|HTTP/1.1||Host| h |||||",
            kGet,
            {{"Host", "h"}},
            kEnd},
        Row{"empty_value", "GET|/a|HTTP/1.1||Host|||||", kGet, {{"Host", ""}}, nullptr},
        Row{"empty_spaced", "GET|/a|HTTP/1.1||Host|  ||||", kGet, {{"Host", ""}}, nullptr},
        Row{"two_spaces", "GET| /a|HTTP/1.1||Host| h||||", kGet, {{"Host", "h"}}, kLine},
        Row{"space_before_version", "GET|/a| HTTP/1.1||Host| h||||", kGet, {{"Host", "h"}}, kLine},
        Row{"NUL_in_target", "GET|/a|b|HTTP/1.1||Host| h||||", kGet, {{"Host", "h"}}, kLine},
        Row{"bytes_before", " GET|/a|HTTP/1.1||||", kGet, {}, kLine},
        Row{"LF_after_version", "GET|/a|HTTP/1.1|Host| h||||", kGet, {{"Host", "h"}}, kLine},
        Row{"LF_after_header",
            "GET|/a|HTTP/1.1||Host| h|X| y||||",
            kGet,
            {{"Host", "h"}, {"X", "y"}},
            kHost},
        Row{"LF_after_last", "GET|/a|HTTP/1.1||Host| h|||", kGet, {{"Host", "h"}}, kEnd},
        Row{"LF_only", "GET|/a|HTTP/1.1|Host| h||", kGet, {{"Host", "h"}}, kLine},
        Row{"NUL_in_value", "GET|/a|HTTP/1.1||Host| h|i||||", kGet, {{"Host", "h"}}, kHost},
        Row{"NUL_at_the_end_of_a_value",
            "GET|/a|HTTP/1.1||Host| h|||||",
            kGet,
            {{"Host", "h"}},
            kEnd},
        Row{"folded_name", "GET|/a|HTTP/1.1||....| h||||", kGet, {{"Host", "h"}}, kHost},
        Row{"folded_value", "GET|/a|HTTP/1.1||Host| .||||", kGet, {{"Host", "h"}}, kHost},
        Row{"folded_empty_value", "GET|/a|HTTP/1.1||Host|.||||", kGet, {{"Host", ""}}, kHost},
        Row{"unseen_header", "GET|/a|HTTP/1.1||Host| h||X| y||||", kGet, {{"Host", "h"}}, kEnd},
        Row{"header_behind_the_end", "GET|/a|HTTP/1.1||", kGet, {{"Host", "h"}}, kHost},
        Row{"no_end", "GET|/a|HTTP/1.1||Host| h||", kGet, {{"Host", "h"}}, kEnd},
        Row{"half_an_end", "GET|/a|HTTP/1.1||Host| h|||", kGet, {{"Host", "h"}}, kEnd},
        Row{"nothing", "", kGet, {}, kLine}),
    [](const auto &info) { return std::string(info.param.name); });

TEST(HeadLayoutHeader, LosesWhiteSpaceBehindItsValueButForTheCoding) {
    for (const auto &row :
         std::vector<std::vector<std::string>>{{"Host", "h \t", "h"},
                                               {"X", " \t ", ""},
                                               {"X", "", ""},
                                               {"X", "a b", "a b"},
                                               {"TRANSFER-encoding", "c ", "c "},
                                               {"Transfer-Encoding2", "c ", "c"}}) {
        struct http_header header = head_layout_header(S(row[0]), S(row[1]));
        EXPECT_EQ(Str(header.name), row[0]);
        EXPECT_EQ(Str(header.value), row[2]);
    }
}

} // namespace
