extern "C" {
#include "base/core/http_token.h"
}

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace {

TEST(HttpToken, TakesTcharsByteByByte) {
    const std::string marks = "!#$%&'*+-.^_`|~";
    for (int c = 0; c < 256; c++) {
        const bool expected = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                              (c >= 'A' && c <= 'Z') ||
                              (c != 0 && marks.find(static_cast<char>(c)) != std::string::npos);
        EXPECT_EQ(expected, http_token_has(static_cast<uint8_t>(c))) << c;
        const std::string text = std::string("a") + static_cast<char>(c);
        EXPECT_EQ(expected, http_token_valid(slice_of(text.data(), text.size()))) << c;
    }
}

TEST(HttpToken, IsNotEmptyAndReadsNoFurther) {
    EXPECT_FALSE(http_token_valid(SLICE_EMPTY));
    // On the heap, so that ASan sees a read behind it.
    const auto one = std::make_unique<char[]>(1);
    one[0] = 'a';
    EXPECT_TRUE(http_token_valid(slice_of(one.get(), 1)));
    one[0] = ' ';
    EXPECT_FALSE(http_token_valid(slice_of(one.get(), 1)));
}

} // namespace
