extern "C" {
#include "base/request_id.h"
}

#include <gtest/gtest.h>
#include <regex>
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

TEST(Uuid, IsOfVersionSevenAndEachTimeAnother) {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; i++) {
        char text[UUID_TEXT_SIZE];
        uuid_make(text);
        EXPECT_TRUE(std::regex_match(
            text,
            std::regex("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")))
            << text;
        EXPECT_TRUE(seen.insert(text).second) << text;
        EXPECT_TRUE(request_id_valid(slice_of_cstr(text)));
    }
}

} // namespace
