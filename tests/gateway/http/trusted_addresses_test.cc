#include "tests/gateway/http/headers.h"

extern "C" {
#include "gateway/edge/trusted_addresses.h"
}

namespace {

// What the lists are refused with; "" if they are read.
std::string Parse(Arena &a, const std::vector<std::string> &lists, trusted_addresses *ret) {
    std::vector<const char *> texts;
    for (const auto &list : lists) {
        texts.push_back(list.c_str());
    }
    const struct error *error = trusted_addresses_parse(a, texts.data(), texts.size(), ret);
    if (error != nullptr) {
        EXPECT_EQ(error->code, STATUS_INVALID_ARGUMENT);
    }
    return error == nullptr ? "" : error->message;
}

struct Trusted {
    explicit Trusted(const std::vector<std::string> &lists) {
        EXPECT_EQ(Parse(a, lists, &addresses), "");
    }
    bool Has(const std::string &text) const {
        Exact exact(text);
        return trusted_addresses_have(&addresses, exact);
    }
    std::string Client(struct http_headers headers, const std::string &connection = "10.0.0.1") {
        return Str(trusted_addresses_client(a, &addresses, headers, S(connection)));
    }

    Arena a;
    trusted_addresses addresses = {};
};

TEST(TrustedAddresses, AreThoseOfTheLists) {
    Trusted trusted({"192.0.2.7, 10.0.0.0/8", "2001:db8::/33,::1", "198.51.100.128/25"});
    for (const char *text : {"192.0.2.7", "10.0.0.0", "10.255.255.255", "2001:db8::1",
                             "2001:db8:7fff:ffff::", "::1", "198.51.100.128", "198.51.100.255"}) {
        EXPECT_TRUE(trusted.Has(text)) << text;
    }
    for (const char *text : {"192.0.2.6", "192.0.2.8", "9.255.255.255", "11.0.0.0",
                             "2001:db8:8000::", "2001:db7::", "::2", "::", "198.51.100.127", "unix",
                             "", "10.0.0", "10.0.0.1 ", "a"}) {
        EXPECT_FALSE(trusted.Has(text)) << text;
    }
    EXPECT_FALSE(Trusted({}).Has("127.0.0.1"));
    EXPECT_TRUE(Trusted({"unix"}).Has("unix"));
    EXPECT_FALSE(Trusted({"unix"}).Has("127.0.0.1"));
}

TEST(TrustedAddresses, OfIpv4MappedIntoIpv6AreOfIpv4) {
    Trusted trusted({"::ffff:192.0.2.0/120"});
    EXPECT_TRUE(trusted.Has("192.0.2.9"));
    EXPECT_FALSE(trusted.Has("192.0.3.9"));
    // A range of IPv6 has none of IPv4, though the mapped ones are in it.
    EXPECT_FALSE(Trusted({"::/64"}).Has("192.0.2.9"));
    EXPECT_TRUE(Trusted({"::/64"}).Has("::7"));
}

TEST(TrustedAddresses, WhatIsNoneIsRefusedByWhatWasGiven) {
    const char *none = " is no IP address, no range of them such as 10.0.0.0/8, and not \"unix\"";
    const char *prefix4 = " has a prefix that is no number of bits from 1 to 32";
    const char *prefix6 = " has a prefix that is no number of bits from 1 to 128";
    const char *every = " is every address there is: any client could say that it is another one";
    const char *every4 = " is every address of IPv4: any client could say that it is another one";
    const struct {
        std::string item, why;
    } rows[] = {
        {"localhost", none},
        {"10.0.0", none},
        {"010.0.0.1", none},
        {"10.0.0.256", none},
        {"10.0.0.1:80", none},
        {"[::1]", none},
        {"fe80::1%eth0", none},
        {"Unix", none},
        {"unix:/run/http.sock", none},
        {"*", none},
        {"/8", none},
        {"10.0.0.1-10.0.0.9", none},
        {std::string(300, '1'), none},
        {"10.0.0.0/", prefix4},
        {"10.0.0.0/33", prefix4},
        {"10.0.0.0/-8", prefix4},
        {"10.0.0.0/8/8", prefix4},
        {"10.0.0.0/255.0.0.0", prefix4},
        {"10.0.0.0/99999999999", prefix4},
        {"::/129", prefix6},
        {"0.0.0.0/0", every},
        {"::/0", every},
        {"::ffff:0.0.0.0/96", every4},
        {"10.0.0.1/8", " has bits behind its prefix: did you mean 10.0.0.0/8?"},
        {"192.0.2.255/31", " has bits behind its prefix: did you mean 192.0.2.254/31?"},
        {"2001:db8::1/32", " has bits behind its prefix: did you mean 2001:db8::/32?"},
    };
    Arena a;
    trusted_addresses all = {};
    for (const auto &row : rows) {
        EXPECT_EQ(Parse(a, {"unix", "::1, " + row.item}, &all), "\"" + row.item + "\"" + row.why);
    }
    for (const char *list : {"", ",", "::1,", ",::1", "::1,,::2", " "}) {
        EXPECT_EQ(Parse(a, {list}, &all), "\"" + std::string(list) + "\" has an empty element");
    }
    std::string many = "::1";
    for (int i = 1; i < TRUSTED_MOST; i++) {
        many += ",::1";
    }
    EXPECT_EQ(Parse(a, {many, "unix"}, &all), "");
    EXPECT_EQ(Parse(a, {many, "::2"}, &all), "\"::2\": more than 256 addresses and ranges");
}

TEST(TrustedAddresses, TheClientIsTheLastThatIsNotOne) {
    Trusted trusted({"10.0.0.0/8", "2001:db8:1::/48"});
    const struct {
        const char *chain, *client;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1, 10.1.1.1", "192.0.2.1"},
        {"192.0.2.1,10.1.1.1 ,2001:db8:1::2", "192.0.2.1"},
        // What the client sent itself stands before what the proxies have seen.
        {"203.0.113.66, 192.0.2.1", "192.0.2.1"},
        {"203.0.113.66, 10.7.7.7, 192.0.2.1, 10.1.1.1", "192.0.2.1"},
        {"10.7.7.7, 192.0.2.1", "192.0.2.1"},
        // A request of a proxy itself.
        {"10.1.1.1", "10.1.1.1"},
        {"10.1.1.1, 10.2.2.2", "10.1.1.1"},
        // What is no address ends the chain.
        {"203.0.113.66, unknown", "10.0.0.1"},
        {"203.0.113.66, unknown, 10.2.2.2", "10.2.2.2"},
        {"203.0.113.66, _hidden, 192.0.2.1", "192.0.2.1"},
        {"203.0.113.66, unix, 10.2.2.2", "10.2.2.2"},
        {"192.0.2.1 192.0.2.2", "10.0.0.1"},
        {"\"192.0.2.1\"", "10.0.0.1"},
        {"for=192.0.2.1", "10.0.0.1"},
        {"192.0.2.0/24", "10.0.0.1"},
        {"192.0.2.01", "10.0.0.1"},
        {"\xff", "10.0.0.1"},
        // Nothing was told.
        {"", "10.0.0.1"},
        {" ,, ", "10.0.0.1"},
        {"192.0.2.1,", "192.0.2.1"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(trusted.Client(Headers{{"X-Forwarded-For", row.chain}}), row.client) << row.chain;
    }
    EXPECT_EQ(trusted.Client(Headers{}), "10.0.0.1");
    EXPECT_EQ(trusted.Client(Headers{{"Forwarded", "for=192.0.2.1"}}), "10.0.0.1");
}

TEST(TrustedAddresses, AnAddressIsReadAsProxiesWriteIt) {
    Trusted trusted({"10.0.0.0/8"});
    const struct {
        const char *element, *client;
    } rows[] = {
        {"192.0.2.1:443", "192.0.2.1"},
        {"192.0.2.1:65535", "192.0.2.1"},
        {"2001:DB8:0:0::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:db8::1]:443", "2001:db8::1"},
        {"fe80::1%eth0", "fe80::1"},
        {"[fe80::1%25eth0]:1", "fe80::1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"[::ffff:c000:201]:7", "192.0.2.1"},
        {"::ffff:10.3.3.3, 10.2.2.2", "10.3.3.3"},
        {"192.0.2.1, ::ffff:10.3.3.3", "192.0.2.1"}, // which is trusted
        // None of these is one.
        {"192.0.2.1:", "10.0.0.1"},
        {"192.0.2.1:65536", "10.0.0.1"},
        {"192.0.2.1:443x", "10.0.0.1"},
        {"192.0.2.1:4:4", "10.0.0.1"},
        {":443", "10.0.0.1"},
        {"[192.0.2.1]:443", "10.0.0.1"},
        {"[2001:db8::1", "10.0.0.1"},
        {"2001:db8::1]", "10.0.0.1"},
        {"[2001:db8::1]443", "10.0.0.1"},
        {"[2001:db8::1]:", "10.0.0.1"},
        {"[]", "10.0.0.1"},
        {"[", "10.0.0.1"},
        {"%eth0", "10.0.0.1"},
        {"192.0.2.1%eth0", "10.0.0.1"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(trusted.Client(Headers{{"x-forwarded-for", row.element}}), row.client)
            << row.element;
    }
}

TEST(TrustedAddresses, SeveralHeadersAreOneList) {
    Trusted trusted({"10.0.0.0/8"});
    EXPECT_EQ(trusted.Client(Headers{{"X-Forwarded-For", "203.0.113.66"},
                                     {"Host", "h"},
                                     {"x-forwarded-for", "192.0.2.1, 10.1.1.1"}}),
              "192.0.2.1");
    EXPECT_EQ(
        trusted.Client(Headers{{"X-Forwarded-For", "192.0.2.1"}, {"X-FORWARDED-FOR", "10.1.1.1"}}),
        "192.0.2.1");
    EXPECT_EQ(
        trusted.Client(Headers{{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-For", "unknown"}}),
        "10.0.0.1");
}

TEST(TrustedAddresses, AUnixSocketMayBeOneOfTheProxies) {
    Trusted trusted({"unix"});
    EXPECT_EQ(trusted.Client(Headers{{"X-Forwarded-For", "192.0.2.1, unix:"}}, "unix"),
              "192.0.2.1");
    EXPECT_EQ(trusted.Client(Headers{{"X-Forwarded-For", "192.0.2.1, unix"}}, "unix"), "192.0.2.1");
    EXPECT_EQ(trusted.Client(Headers{{"X-Forwarded-For", "unix:"}}, "unix"), "unix");
    EXPECT_EQ(trusted.Client(Headers{}, "unix"), "unix");
}

} // namespace
