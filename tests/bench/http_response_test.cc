extern "C" {
#include "bench/load/http_response.h"
}

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace {

struct Outcome {
    http_response_result result;
    size_t used;
    std::string problem;
};

// Feeds text in pieces of the given size.
Outcome Feed(http_response *r, const std::string &text, size_t piece) {
    http_response_begin(r);
    Outcome outcome{HTTP_RESPONSE_MORE, 0, ""};
    while (outcome.result == HTTP_RESPONSE_MORE && outcome.used < text.size()) {
        size_t n = std::min(piece, text.size() - outcome.used);
        // A copy of its own, so that ASan sees a read beyond it.
        std::string part = text.substr(outcome.used, n);
        part.shrink_to_fit();
        size_t used = 0;
        outcome.result = http_response_feed(r, part.data(), part.size(), &used);
        EXPECT_LE(used, n);
        outcome.used += used;
    }
    if (r->problem != nullptr) {
        outcome.problem = r->problem;
    }
    return outcome;
}

const size_t kPieces[] = {1, 2, 3, 7, 1000000};

struct Good {
    const char *text;
    int status;
    uint64_t length;
    bool keep_alive;
};

class GoodResponses : public testing::TestWithParam<Good> {};

TEST_P(GoodResponses, AreReadWhateverTheirPieces) {
    const Good &row = GetParam();
    for (size_t piece : kPieces) {
        auto r = std::make_unique<http_response>();
        std::string text = row.text;
        Outcome outcome = Feed(r.get(), text, piece);
        EXPECT_EQ(outcome.result, HTTP_RESPONSE_DONE) << outcome.problem;
        EXPECT_EQ(outcome.used, text.size());
        EXPECT_EQ(r->status, row.status);
        EXPECT_EQ(r->content_length, row.length);
        EXPECT_EQ(r->keep_alive, row.keep_alive);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, GoodResponses,
    testing::Values(
        Good{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, 5, true},
        Good{"HTTP/1.1 200 \r\ncontent-length:0\r\n\r\n", 200, 0, true},
        Good{"HTTP/1.1 404 Not Found\r\nA: b\r\nCONTENT-LENGTH: \t2 \t\r\n\r\n{}", 404, 2, true},
        Good{"HTTP/1.1 503 x\r\nContent-Length: 1\r\nConnection: Close\r\n\r\nx", 503, 1, false},
        Good{"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", 200, 1,
             true},
        Good{"HTTP/1.1 204 No Content\r\nX-Request-Id: a\r\n\r\n", 204, 0, true},
        Good{"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, 7, true},
        Good{"HTTP/1.1 200 OK\r\nX-Empty:\r\nContent-Length: 4\r\n\r\n\r\n\r\n", 200, 4, true}));

struct Bad {
    const char *text;
    const char *problem;
};

class BadResponses : public testing::TestWithParam<Bad> {};

TEST_P(BadResponses, AreMalformedWhateverTheirPieces) {
    const Bad &row = GetParam();
    for (size_t piece : kPieces) {
        auto r = std::make_unique<http_response>();
        Outcome outcome = Feed(r.get(), row.text, piece);
        EXPECT_EQ(outcome.result, HTTP_RESPONSE_MALFORMED) << row.text;
        EXPECT_EQ(outcome.problem, row.problem) << row.text;
    }
}

const char kNoHttp11[] = "status line does not start with HTTP/1.1";
const char kNoStatus[] = "status is not three digits and a space";
const char kBareLf[] = "line ends with a bare LF";
const char kNoField[] = "header line is not a name and a colon";
const char kNoLength[] = "Content-Length is not 1 to 15 digits";

INSTANTIATE_TEST_SUITE_P(
    Rows, BadResponses,
    testing::Values(Bad{"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", kNoHttp11},
                    Bad{"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", kNoHttp11},
                    Bad{"\r\n", kNoHttp11},
                    Bad{"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", kNoStatus},
                    Bad{"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", kNoStatus},
                    Bad{"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", kNoStatus},
                    Bad{"HTTP/1.1 100 Continue\r\n\r\n", "status is not 200 to 599"},
                    Bad{"HTTP/1.1 600 x\r\n\r\n", "status is not 200 to 599"},
                    Bad{"HTTP/1.1 200 O\x01K\r\n\r\n", "control character in the status line"},
                    Bad{"HTTP/1.1 200 OK\nContent-Length: 0\n\n", kBareLf},
                    Bad{"HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n", kBareLf},
                    Bad{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n", kBareLf},
                    Bad{"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", kNoField},
                    Bad{"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", kNoField},
                    Bad{"HTTP/1.1 200 OK\r\n: b\r\n\r\n", kNoField},
                    Bad{"HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n", kNoField},
                    Bad{"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "control character in a header"},
                    Bad{"HTTP/1.1 200 OK\r\n\r\n", "no Content-Length"},
                    Bad{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                        "two Content-Length"},
                    Bad{"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", kNoLength},
                    Bad{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", kNoLength},
                    Bad{"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", kNoLength},
                    Bad{"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", kNoLength},
                    Bad{"HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\n", kNoLength},
                    Bad{"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000\r\n\r\n", kNoLength},
                    Bad{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                        "Transfer-Encoding instead of Content-Length"}));

TEST(HttpResponse, EveryCutStartIsMore) {
    std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    auto r = std::make_unique<http_response>();
    for (size_t n = 1; n < text.size(); n++) {
        Outcome outcome = Feed(r.get(), text.substr(0, n), 1000);
        EXPECT_EQ(outcome.result, HTTP_RESPONSE_MORE) << n;
        EXPECT_EQ(outcome.used, n);
    }
}

TEST(HttpResponse, BytesBehindItAreNotTaken) {
    std::string first = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    auto r = std::make_unique<http_response>();
    Outcome outcome = Feed(r.get(), first + "HTTP/1.1", 1000);
    EXPECT_EQ(outcome.result, HTTP_RESPONSE_DONE);
    EXPECT_EQ(outcome.used, first.size());
}

TEST(HttpResponse, BeginForgetsTheResponseBefore) {
    auto r = std::make_unique<http_response>();
    Feed(r.get(), "HTTP/1.1 503 x\r\nConnection: close\r\nContent-Len", 1000);
    EXPECT_FALSE(http_response_untouched(r.get()));
    http_response_begin(r.get());
    EXPECT_TRUE(http_response_untouched(r.get()));
    Outcome outcome = Feed(r.get(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1000);
    EXPECT_EQ(outcome.result, HTTP_RESPONSE_DONE) << outcome.problem;
    EXPECT_TRUE(r->keep_alive);
}

TEST(HttpResponse, HeaderSizesAreBounded) {
    auto r = std::make_unique<http_response>();
    std::string start = "HTTP/1.1 200 OK\r\n";
    std::string longest(HTTP_RESPONSE_LINE_MAX - 5, 'a');
    for (size_t piece : kPieces) {
        Outcome ok =
            Feed(r.get(), start + "A: " + longest + "\r\nContent-Length: 0\r\n\r\n", piece);
        EXPECT_EQ(ok.result, HTTP_RESPONSE_DONE) << ok.problem;
        Outcome line = Feed(r.get(), start + "A: a" + longest + "\r\n", piece);
        EXPECT_EQ(line.problem, "header line too long");
        std::string many = start;
        while (many.size() <= HTTP_RESPONSE_HEADER_MAX) {
            many += "A: b\r\n";
        }
        EXPECT_EQ(Feed(r.get(), many, piece).problem, "header too long");
    }
}

} // namespace
