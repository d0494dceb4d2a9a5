#include <string>
#include <utility>
#include <vector>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/edge/page_origin.h"
}

namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

class PageOrigin : public testing::Test {
  protected:
    // "" or the message.
    std::string Refusal(const std::vector<const char *> &origins, const Rows &rows) {
        std::vector<struct http_header> items;
        for (const auto &[name, value] : rows) {
            items.push_back({S(name), S(value)});
        }
        const struct http_headers headers = {items.data(), items.size()};
        struct gateway_http_options options = {};
        options.cors_origins = origins.data();
        options.cors_origin_count = origins.size();
        struct cors cors = cors_of(a_, &options);
        const struct error *e = page_origin_check(a_, &cors, headers);
        if (e == nullptr) {
            return "";
        }
        EXPECT_EQ(e->code, STATUS_PERMISSION_DENIED);
        EXPECT_STREQ(e->reason, "ORIGIN_NOT_ALLOWED");
        EXPECT_STREQ(e->domain, "gateway.v1");
        return e->message;
    }

    Arena a_;
};

const std::vector<const char *> kNone;
const std::vector<const char *> kNamed = {"https://app.example", "http://localhost:3000"};

TEST_F(PageOrigin, ProgramsAndPagesFromHereMayUseTheCertificate) {
    const std::vector<Rows> rows = {
        {},
        {{"Host", "runs.example"}},
        {{"Host", "runs.example"}, {"Origin", "https://runs.example"}},
        {{"Host", "runs.example:8443"}, {"ORIGIN", "https://runs.example:8443"}},
        {{"Host", "[::1]:8443"},
         {"Origin", "https://[::1]:8443"},
         {"Sec-Fetch-Site", "same-origin"}},
        {{"Host", "runs.example"}, {"Sec-Fetch-Site", "same-origin"}},
        {{"Host", "runs.example"}, {"Sec-Fetch-Site", "none"}},
    };
    for (const Rows &headers : rows) {
        EXPECT_EQ(Refusal(kNone, headers), "");
        EXPECT_EQ(Refusal(kNamed, headers), "");
    }
}

TEST_F(PageOrigin, PagesOfOtherOriginsMayNot) {
    const std::vector<Rows> rows = {
        {{"Host", "runs.example"}, {"Origin", "https://evil.example"}},
        {{"Host", "runs.example"}, {"oRiGiN", "https://evil.example"}},
        {{"Host", "runs.example"}, {"Origin", "null"}},
        {{"Host", "runs.example"}, {"Origin", ""}},
        {{"Host", ""}, {"Origin", "https://"}},
        {{"Origin", "https://runs.example"}},
        {{"Host", "runs.example"}, {"Origin", "http://runs.example"}},
        {{"Host", "runs.example"}, {"Origin", "https://runs.example:8443"}},
        {{"Host", "runs.example:8443"}, {"Origin", "https://runs.example"}},
        {{"Host", "runs.example"}, {"Origin", "https://runs.example.evil"}},
        {{"Host", "runs.example"}, {"Origin", "https://runs.example, https://evil.example"}},
        {{"Host", "runs.example"},
         {"Origin", "https://runs.example"},
         {"Origin", "https://evil.example"}},
        // Of a page whose request has no Origin: a link, an image, a form that asks for a page.
        {{"Host", "runs.example"}, {"Sec-Fetch-Site", "cross-site"}},
        {{"Host", "runs.example"}, {"sec-fetch-site", "same-site"}},
        {{"Host", "runs.example"}, {"Sec-Fetch-Site", "what else there may be"}},
        {{"Host", "runs.example"}, {"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "cross-site"}},
    };
    for (const Rows &headers : rows) {
        EXPECT_NE(Refusal(kNone, headers), "");
        EXPECT_NE(Refusal(kNamed, headers), "");
        EXPECT_NE(Refusal({"*"}, headers), "") << "which is for pages with a token";
    }
    EXPECT_EQ(
        Refusal(kNone, {{"Origin", "https://evil.example"}}),
        "the request is a page's of another origin (Origin: https://evil.example), and has no "
        "token but the browser's certificate: send the header \"Authorization: Bearer "
        "<token>\", or have the operator allow the origin by --cors-origin");
}

TEST_F(PageOrigin, NamedOriginsMay) {
    for (const char *origin : kNamed) {
        EXPECT_EQ(Refusal(kNamed, {{"Host", "runs.example"},
                                   {"Origin", origin},
                                   {"Sec-Fetch-Site", "cross-site"}}),
                  "");
    }
    // Its links, which say no origin, are those of any page.
    EXPECT_NE(Refusal(kNamed, {{"Host", "runs.example"}, {"Sec-Fetch-Site", "cross-site"}}), "");
}

} // namespace
