extern "C" {
#include "base/core/json_escape.h"
}

#include <cstdio>
#include <gtest/gtest.h>
#include <map>
#include <string>

namespace {

TEST(JsonEscape, EscapesWhatJsonMustEscapeAndNothingElse) {
    const std::map<int, std::string> letters = {
        {'"', "\\\""}, {'\\', "\\\\"}, {'\b', "\\b"}, {'\t', "\\t"},
        {'\n', "\\n"}, {'\f', "\\f"},  {'\r', "\\r"},
    };
    for (int c = 0; c < 0x80; c++) {
        std::string expected;
        if (letters.count(c) > 0) {
            expected = letters.at(c);
        } else if (c < 0x20) {
            char text[8];
            snprintf(text, sizeof(text), "\\u%04x", static_cast<unsigned>(c));
            expected = text;
        }
        uint8_t escaped[JSON_ESCAPE_LONGEST];
        const size_t n = json_escape_put(static_cast<uint8_t>(c), escaped);
        EXPECT_EQ(expected, std::string(reinterpret_cast<char *>(escaped), n)) << c;
        EXPECT_EQ(expected.empty(), json_escape_is_plain(static_cast<uint8_t>(c))) << c;
    }
    for (int c = 0x80; c < 0x100; c++) {
        EXPECT_FALSE(json_escape_is_plain(static_cast<uint8_t>(c))) << c;
    }
}

} // namespace
