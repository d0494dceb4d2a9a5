#include <gtest/gtest.h>
#include <string>
#include <vector>

extern "C" {
#include "gateway/connection/client_hello.h"
}

namespace {

std::string Number(size_t number, size_t bytes) {
    std::string text;
    while (bytes-- > 0) {
        text += static_cast<char>(number >> 8 * bytes);
    }
    return text;
}

std::string Vector(const std::string &content, size_t length_bytes) {
    return Number(content.size(), length_bytes) + content;
}

std::string Extension(size_t type, const std::string &content) {
    return Number(type, 2) + Vector(content, 2);
}

std::string Versions(const std::vector<size_t> &versions) {
    std::string list;
    for (size_t version : versions) {
        list += Number(version, 2);
    }
    return Extension(43, Vector(list, 1));
}

std::string Protocols(const std::vector<std::string> &protocols) {
    std::string list;
    for (const std::string &protocol : protocols) {
        list += Vector(protocol, 1);
    }
    return Extension(16, Vector(list, 2));
}

std::string Hello(size_t version, const std::vector<size_t> &suites,
                  const std::string &extensions) {
    std::string list;
    for (size_t suite : suites) {
        list += Number(suite, 2);
    }
    std::string text = Number(version, 2) + std::string(32, 'r') + Vector("session", 1) +
                       Vector(list, 2) + Vector(std::string(1, 0), 1);
    return extensions == "-" ? text : text + Vector(extensions, 2);
}

bool Read(const std::string &text, struct client_hello *ret) {
    // A copy of its exact size, so that a sanitizer sees a read beyond its end.
    std::vector<char> copy(text.begin(), text.end());
    return client_hello_read(slice_of(copy.data(), copy.size()), ret);
}

TEST(ClientHello, SaysWhatIsOffered) {
    const struct {
        std::string hello;
        bool has_version, has_suite, offers_protocols, offers_http;
    } rows[] = {
        {Hello(0x0303, {0xc02b}, "-"), true, true, false, false},
        {Hello(0x0303, {0x002f, 0xcca8}, ""), true, true, false, false},
        {Hello(0x0303, {0x1301}, Versions({0x0304})), true, true, false, false},
        {Hello(0x0303, {0x1301}, Versions({0x7f1c, 0x0303})), true, true, false, false},
        {Hello(0x0302, {0x002f}, "-"), false, false, false, false},
        {Hello(0x0301, {0xc02f}, ""), false, true, false, false},
        // The extension counts, not what stands before it.
        {Hello(0x0303, {0xc02f}, Versions({0x0302, 0x0301})), false, true, false, false},
        {Hello(0x0303, {0x009c, 0xc0ac, 0x1304}, ""), true, false, false, false},
        {Hello(0x0303, {}, ""), true, false, false, false},
        {Hello(0x0303, {0x1302}, Protocols({"h2"})), true, true, true, false},
        {Hello(0x0303, {0x1302},
               Extension(0, "x") + Protocols({"h2", "http/1.1"}) + Versions({0x0304})),
         true, true, true, true},
        {Hello(0x0303, {0x1303}, Protocols({"http/1.10", "http/1."})), true, true, true, false},
    };
    for (const auto &row : rows) {
        struct client_hello hello = {};
        ASSERT_TRUE(Read(row.hello, &hello)) << &row - rows;
        EXPECT_EQ(hello.has_version, row.has_version) << &row - rows;
        EXPECT_EQ(hello.has_suite, row.has_suite) << &row - rows;
        EXPECT_EQ(hello.offers_protocols, row.offers_protocols) << &row - rows;
        EXPECT_EQ(hello.offers_http, row.offers_http) << &row - rows;
    }
}

TEST(ClientHello, WhatIsCutIsNoneAndIsNeverReadBeyondItsEnd) {
    const std::string whole =
        Hello(0x0303, {0x1301, 0xc02b}, Versions({0x0304, 0x0303}) + Protocols({"h2", "http/1.1"}));
    const size_t without_extensions = Hello(0x0303, {0x1301, 0xc02b}, "-").size();
    for (size_t len = 0; len < whole.size(); len++) {
        struct client_hello hello = {};
        EXPECT_EQ(Read(whole.substr(0, len), &hello), len == without_extensions) << len;
    }
    // Lengths within that lie.
    for (size_t at = 0; at < whole.size(); at++) {
        std::string bad = whole;
        bad[at] = static_cast<char>(0xff);
        struct client_hello hello = {};
        Read(bad, &hello);
    }
}

} // namespace
