extern "C" {
#include "bench/load/option_number.h"
#include "bench/load/targets.h"
}

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace {

class Targets : public testing::Test {
  protected:
    Targets() {
        arena_init(&arena_);
    }
    ~Targets() override {
        targets_release(&targets_);
        arena_release(&arena_);
    }

    // Returns the error's message, or "" for success.
    std::string Read(const std::string &text) {
        targets_release(&targets_);
        char *copy = static_cast<char *>(malloc(text.size() + 1));
        memcpy(copy, text.data(), text.size());
        const error *e = targets_of_text(&arena_, "list", copy, text.size(), &targets_);
        return e == nullptr ? "" : e->message;
    }

    std::vector<std::string> Lines() {
        std::vector<std::string> lines;
        for (size_t i = 0; i < targets_.count; i++) {
            lines.emplace_back(reinterpret_cast<const char *>(targets_.lines[i].data),
                               targets_.lines[i].len);
        }
        return lines;
    }

    arena arena_;
    targets targets_ = {};
};

TEST_F(Targets, LinesAreKeptInOrderWithAndWithoutALastLineFeed) {
    for (const char *text : {"/a\n/b\n/c\n", "/a\n/b\n/c"}) {
        EXPECT_EQ(Read(text), "");
        EXPECT_EQ(Lines(), (std::vector<std::string>{"/a", "/b", "/c"}));
    }
}

TEST_F(Targets, BadListsAreRefusedWithLineAndReason) {
    EXPECT_EQ(Read(""), "list: holds no target");
    EXPECT_EQ(Read("/a\n\n/b\n"), "list: line 2 has 0 bytes; a target has 1 to 4096");
    EXPECT_EQ(Read("\n"), "list: line 1 has 0 bytes; a target has 1 to 4096");
    EXPECT_EQ(Read("/a b\n"), "list: line 1 has byte 0x20 at column 3; a target has no space and "
                              "no control character");
    EXPECT_EQ(Read("/a\r\n"), "list: line 1 has byte 0x0d at column 3; a target has no space and "
                              "no control character");
    EXPECT_EQ(Read(std::string("/\0", 2)), "list: line 1 has byte 0x00 at column 2; a target has "
                                           "no space and no control character");
    std::string longest(TARGET_MAX_BYTES, 'a');
    EXPECT_EQ(Read(longest), "");
    EXPECT_EQ(Read(longest + "a"), "list: line 1 has 4097 bytes; a target has 1 to 4096");
}

TEST_F(Targets, AFileThatIsNotThereIsRefused) {
    targets got = {};
    const error *e = targets_read(&arena_, "/nonexistent/list", &got);
    ASSERT_NE(e, nullptr);
    EXPECT_EQ(std::string(e->message), "/nonexistent/list: No such file or directory");
}

TEST(OptionNumber, OnlyNumbersWithinTheLimitsAreTaken) {
    double value = -1;
    EXPECT_TRUE(option_number("p", "--n", "64", 1, 100, &value));
    EXPECT_EQ(value, 64);
    EXPECT_TRUE(option_number("p", "--n", "0.5", 0.1, 1, &value));
    EXPECT_EQ(value, 0.5);
    for (const char *bad : {"", "x", "1x", "0", "101", "nan", "inf", "-1"}) {
        EXPECT_FALSE(option_number("p", "--n", bad, 1, 100, &value)) << bad;
        EXPECT_EQ(value, 0.5);
    }
}

} // namespace
