extern "C" {
#include "base/net/peer_address.h"
}

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/un.h>

namespace {

std::string Format(int family, const std::string &address) {
    struct sockaddr_storage storage = {};
    storage.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET) {
        auto *v4 = reinterpret_cast<struct sockaddr_in *>(&storage);
        v4->sin_port = htons(12345);
        EXPECT_EQ(inet_pton(family, address.c_str(), &v4->sin_addr), 1) << address;
    } else if (family == AF_INET6) {
        auto *v6 = reinterpret_cast<struct sockaddr_in6 *>(&storage);
        v6->sin6_port = htons(12345);
        v6->sin6_scope_id = 7;
        EXPECT_EQ(inet_pton(family, address.c_str(), &v6->sin6_addr), 1) << address;
    }
    char text[PEER_ADDRESS_SIZE];
    memset(text, 'x', sizeof(text));
    peer_address_format(reinterpret_cast<struct sockaddr *>(&storage), text);
    return text;
}

TEST(PeerAddress, IsTheAddressWithoutPortAndZone) {
    const struct {
        int family;
        std::string address, text;
    } rows[] = {
        {AF_INET, "127.0.0.1", "127.0.0.1"},
        {AF_INET, "255.255.255.255", "255.255.255.255"},
        {AF_INET, "0.0.0.0", "0.0.0.0"},
        {AF_INET6, "::1", "::1"},
        {AF_INET6, "2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {AF_INET6, "fe80::1", "fe80::1"},
        {AF_INET6, "::ffff:192.0.2.1", "192.0.2.1"},
        {AF_INET6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {AF_UNIX, "", "unix"},
        {AF_UNSPEC, "", ""},
        {AF_PACKET, "", ""},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(Format(row.family, row.address), row.text);
        bool is_known = !row.text.empty();
        EXPECT_EQ(peer_address_is_plausible(slice_of_cstr(row.text.c_str())), is_known);
    }
    char text[PEER_ADDRESS_SIZE];
    peer_address_format(nullptr, text);
    EXPECT_STREQ(text, "");
}

std::string FromIpv6(const std::string &given) {
    char text[PEER_ADDRESS_SIZE];
    memset(text, 'x', sizeof(text));
    // Of its own size, so that a read beyond it is found.
    std::string exact(given);
    bool is_one = peer_address_from_ipv6(slice_of(exact.data(), exact.size()), text);
    EXPECT_EQ(is_one, text[0] != '\0') << given;
    return text;
}

TEST(PeerAddress, Ipv6OfOthersIsWrittenInOneWay) {
    EXPECT_EQ(FromIpv6("::1"), "::1");
    EXPECT_EQ(FromIpv6("2001:DB8::0001"), "2001:db8::1");
    EXPECT_EQ(FromIpv6("fe80::1%eth0"), "fe80::1");
    EXPECT_EQ(FromIpv6("fe80::1%25a-very-long-name-of-an-interface-that-nothing-has"), "fe80::1");
    EXPECT_EQ(FromIpv6("::ffff:192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(FromIpv6("::ffff:c000:201"), "192.0.2.1");
    for (const std::string &none :
         {std::string(""), std::string("%eth0"), std::string("192.0.2.1"), std::string("[::1]"),
          std::string("::1\0", 4), std::string("::g"), std::string(45, ':'), std::string(46, '1'),
          std::string(4000, '1'), std::string("unix")}) {
        EXPECT_EQ(FromIpv6(none), "") << none;
    }
}

TEST(PeerAddress, WhatIsNoneIsNotPlausible) {
    for (const std::string &text :
         {std::string(""), std::string("Unix"), std::string("unix:"), std::string("unix "),
          std::string("192.0.2.1, 192.0.2.2"), std::string("::1%eth0"), std::string("::G"),
          std::string("192.0.2.1\0", 10), std::string("\xff"), std::string("A::1"),
          std::string(46, '1')}) {
        EXPECT_FALSE(peer_address_is_plausible(slice_of(text.data(), text.size()))) << text;
    }
    EXPECT_TRUE(peer_address_is_plausible(slice_of_cstr("192.0.2.1")));
    EXPECT_TRUE(peer_address_is_plausible(slice_of_cstr("unix")));
}

} // namespace
