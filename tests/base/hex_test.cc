extern "C" {
#include "base/core/hex.h"
}

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

namespace {

TEST(Hex, ReadsDigitsOfBothCasesAndNothingElse) {
    const std::string lower = "0123456789abcdef";
    const std::string upper = "0123456789ABCDEF";
    for (int c = 0; c < 256; c++) {
        size_t at = std::string::npos;
        for (const std::string &digits : {lower, upper}) {
            at = std::min(at, digits.find(static_cast<char>(c)));
        }
        const int expected = at == std::string::npos ? -1 : static_cast<int>(at);
        EXPECT_EQ(expected, hex_value(static_cast<uint8_t>(c))) << c;
    }
}

TEST(Hex, WritesTheLowestFourBits) {
    for (uint64_t number = 0; number < 16; number++) {
        EXPECT_EQ("0123456789abcdef"[number], hex_digit(number));
        EXPECT_EQ(hex_digit(number), hex_digit(number | 0xABCDEF0000000010));
    }
}

} // namespace
