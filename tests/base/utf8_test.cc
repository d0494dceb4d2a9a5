extern "C" {
#include "base/core/utf8.h"
}

#include <gtest/gtest.h>
#include <string>

namespace {

bool Valid(const std::string &s) {
    return utf8_valid(slice_of(s.data(), s.size()));
}

// An encoder and a range check of our own: every code point, encoded, is valid
// exactly if it is no surrogate and at most U+10FFFF.
std::string Encode(uint32_t c) {
    auto tail = [](uint32_t v) { return static_cast<char>(0x80 | (v & 0x3F)); };
    if (c < 0x80) {
        return {static_cast<char>(c)};
    }
    if (c < 0x800) {
        return {static_cast<char>(0xC0 | c >> 6), tail(c)};
    }
    if (c < 0x10000) {
        return {static_cast<char>(0xE0 | c >> 12), tail(c >> 6), tail(c)};
    }
    return {static_cast<char>(0xF0 | c >> 18), tail(c >> 12), tail(c >> 6), tail(c)};
}

TEST(Utf8, TakesEveryScalarValueAndNothingElse) {
    for (uint32_t c = 0; c < 0x200000; c++) {
        bool scalar = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        ASSERT_EQ(scalar, Valid(Encode(c))) << std::hex << c;
    }
}

TEST(Utf8, RefusesOverlongCutAndStrayBytes) {
    for (const char *s :
         {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80",
          "\xF0\x8F\xBF\xBF", "\x80", "\xBF", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3(",
          "\xE2(\xAC", "\xF5\x80\x80\x80", "\xFF", "\xFE"}) {
        EXPECT_FALSE(Valid(s)) << s;
        EXPECT_FALSE(Valid("12345678" + std::string(s))) << "behind a whole word";
        EXPECT_FALSE(Valid(s + std::string("12345678"))) << "before a whole word";
    }
}

TEST(Utf8, TakesAsciiOfEveryLength) {
    for (size_t n = 0; n < 40; n++) {
        EXPECT_TRUE(Valid(std::string(n, 'a')));
        if (n > 0) {
            std::string s(n, 'a');
            s[n - 1] = '\x80';
            EXPECT_FALSE(Valid(s));
        }
    }
}

TEST(Utf8, IsCutBetweenCharacters) {
    const std::string text = "a\u00e9\u20ac\U0001F600"; // of 1, 2, 3 and 4 bytes
    const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t most = 0; most < sizeof(ends) / sizeof(ends[0]); most++) {
        EXPECT_EQ(utf8_cut(slice_of(text.data(), text.size()), most).len, ends[most]) << most;
    }
    EXPECT_EQ(utf8_cut(SLICE_EMPTY, 3).len, 0u);
}

} // namespace
