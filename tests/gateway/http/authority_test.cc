#include <gtest/gtest.h>
#include <string>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/edge/authority.h"
}

namespace {

bool IsValid(const std::string &text) {
    return authority_is_valid(S(text));
}

TEST(Authority, NamesAndAddressesWithAndWithoutPorts) {
    for (const char *text :
         {"h", "api.example.com", "api.example.com:443", "h:", "", ":80", "127.0.0.1", "[::1]",
          "[::1]:8080", "[2001:db8::7]:", "[v1.a:b]", "a_b~c!$&'()*+,;=", "%41%4a.x", "[::1]:0"}) {
        EXPECT_TRUE(IsValid(text)) << text;
    }
}

TEST(Authority, AnythingElse) {
    for (const char *text :
         {"u@h",  "u:p@h", "@h",   "h/",    "h?",   "h#",    "http://h", "a b", " h",
          "h ",   "h:x",   "h:8x", "h:1:2", "h:-1", "[::1",  "::1]",     "[]",  "[::1]x",
          "[::1", "[%1]",  "%",    "%4",    "%4g",  "%g4",   "a\\b",     "<h>", "a\"b",
          "a^b",  "a|b",   "a`b",  "{h}",   "h\t",  "h\x7f", "\xc3\xa4", "::1", "[a]b:1"}) {
        EXPECT_FALSE(IsValid(text)) << text;
    }
    EXPECT_FALSE(IsValid(std::string("h\0x", 3)));
    EXPECT_FALSE(IsValid(std::string("h\0", 2)));
}

} // namespace
