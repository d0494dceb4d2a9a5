#include "tests/gateway/http/headers.h"

extern "C" {
#include "gateway/edge/forwarded_for.h"
}

namespace {

std::string Append(struct http_headers headers) {
    Arena a;
    return Str(forwarded_for_append(a, headers, S("203.0.113.9")));
}

TEST(ForwardedFor, TheConnectionsAddressStandsBehindTheChain) {
    EXPECT_EQ(Append(Headers{}), "203.0.113.9");
    EXPECT_EQ(Append(Headers{{"X-Forwarded-For", "192.0.2.1"}}), "192.0.2.1, 203.0.113.9");
    EXPECT_EQ(Append(Headers{{"x-forwarded-for", "192.0.2.1,2001:db8::1 ,unknown"}}),
              "192.0.2.1, 2001:db8::1, unknown, 203.0.113.9");
    EXPECT_EQ(Append(Headers{{"X-Forwarded-For", "a"}, {"Host", "h"}, {"X-FORWARDED-FOR", "b"}}),
              "a, b, 203.0.113.9");
    EXPECT_EQ(Append(Headers{{"X-Forwarded-For", " ,, a,\t,"}}), "a, 203.0.113.9");
    EXPECT_EQ(Append(Headers{{"X-Forwarded-For", ""}}), "203.0.113.9");
}

TEST(ForwardedFor, WhatMetadataCannotHoldIsLeftOutWithAllBeforeIt) {
    for (const char *bad : {"a b", "\xC3\xA4", "\x7F", "x\ty"}) {
        EXPECT_EQ(Append(Headers{{"X-Forwarded-For", std::string("one, ") + bad + ", two"}}),
                  "two, 203.0.113.9");
        EXPECT_EQ(Append(Headers{{"X-Forwarded-For", std::string("one, ") + bad}}), "203.0.113.9");
    }
}

TEST(ForwardedFor, ALongChainKeepsItsEnd) {
    std::string chain;
    for (int i = 0; i < 2000; i++) {
        chain += "10.0.0." + std::to_string(i) + ", ";
    }
    std::string appended = Append(Headers{{"X-Forwarded-For", chain}});
    EXPECT_LE(appended.size(), 1024u);
    EXPECT_GT(appended.size(), 1000u);
    EXPECT_EQ(appended.substr(0, 7), "10.0.0.");
    EXPECT_EQ(appended.substr(appended.size() - 24), "10.0.0.1999, 203.0.113.9");
    EXPECT_EQ(Append(Headers{{"X-Forwarded-For", std::string(2000, 'a')}}), "203.0.113.9");
}

} // namespace
