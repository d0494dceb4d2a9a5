extern "C" {
#include "base/core/request_id.h"
}

#include <gtest/gtest.h>
#include <set>
#include <string>

namespace {

TEST(RequestId, TakesItsAlphabetUpToItsLength) {
    EXPECT_TRUE(request_id_valid(slice_of_cstr("azAZ09._~:/+=@-")));
    std::string longest(128, 'x');
    EXPECT_TRUE(request_id_valid(slice_of(longest.data(), longest.size())));
    longest += "x";
    EXPECT_FALSE(request_id_valid(slice_of(longest.data(), longest.size())));
}

TEST(RequestId, RefusesWhatCouldForgeAHeaderOrALogLine) {
    for (const char *text : {"", " ", "a b", "a\nb", "a\"b", "a,b", "\xC3\xA4", "a\x7f", "<a>"}) {
        EXPECT_FALSE(request_id_valid(slice_of_cstr(text))) << text;
    }
    EXPECT_FALSE(request_id_valid(slice_of("a\0b", 3)));
}

// The text with x for each hexadecimal digit but the version, and v for a right
// variant digit.
std::string Shape(std::string text) {
    for (size_t i = 0; i < text.size(); i++) {
        std::string digits = i == 19 ? "89ab" : "0123456789abcdef";
        if (i != 14 && digits.find(text[i]) != std::string::npos) {
            text[i] = i == 19 ? 'v' : 'x';
        }
    }
    return text;
}

TEST(Uuid, IsOfVersionSevenAndEachTimeAnother) {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; i++) {
        char text[UUID_TEXT_SIZE];
        uuid_make(text);
        EXPECT_EQ("xxxxxxxx-xxxx-7xxx-vxxx-xxxxxxxxxxxx", Shape(text)) << text;
        EXPECT_TRUE(seen.insert(text).second) << text;
        EXPECT_TRUE(request_id_valid(slice_of_cstr(text)));
    }
}

} // namespace
