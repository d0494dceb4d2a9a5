extern "C" {
#include "base/core/timestamp.h"
#include "ctl/time_option.h"
}

#include <gtest/gtest.h>
#include <string>

namespace {

class TimeOption : public ::testing::Test {
  protected:
    void SetUp() override {
        arena_init(&arena_);
    }
    void TearDown() override {
        arena_release(&arena_);
    }
    // The duration's seconds; -1 if it is none.
    int64_t Duration(const char *text) {
        int64_t seconds = -2;
        const error *e = time_option_read_span(&arena_, "--in", text, &seconds);
        if (e != nullptr) {
            EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
            const std::string begin =
                "--in: \"" + std::string(text) + "\" is no length of time like";
            EXPECT_EQ(0u, std::string(e->message).find(begin)) << e->message;
            return -1;
        }
        return seconds;
    }
    // The time as RFC 3339; the message if it is none. Now is 2026-03-01T12:00:00.5Z.
    std::string Time(const char *text) {
        int64_t now = 0;
        int32_t nanos = 0;
        EXPECT_TRUE(timestamp_parse(slice_of_cstr("2026-03-01T12:00:00.5Z"), &now, &nanos));
        int64_t seconds = 0;
        const error *e = time_option_read(&arena_, "--since", text, now * 1000000 + nanos / 1000,
                                          &seconds, &nanos);
        if (e != nullptr) {
            EXPECT_EQ(STATUS_INVALID_ARGUMENT, e->code);
            return e->message;
        }
        char formatted[TIMESTAMP_TEXT_SIZE];
        EXPECT_GT(timestamp_format(seconds, nanos, formatted), 0);
        return formatted;
    }
    arena arena_;
};

TEST_F(TimeOption, LengthsOfTimeAreThoseOfTimeSpan) {
    EXPECT_EQ(0, Duration("0s"));
    EXPECT_EQ(5400, Duration("1h30m"));
    for (const char *text : {"", "2", "-2h", "soon", "36501d"}) {
        EXPECT_EQ(-1, Duration(text)) << text;
    }
}

TEST_F(TimeOption, TimesAreInstantsDatesOrSoLongAgo) {
    EXPECT_EQ("2026-01-31T09:00:00Z", Time("2026-01-31T09:00:00Z"));
    EXPECT_EQ("2026-01-31T07:00:00.250Z", Time("2026-01-31T09:00:00.25+02:00"));
    EXPECT_EQ("2026-01-31T00:00:00Z", Time("2026-01-31"));
    EXPECT_EQ("2026-03-01T10:00:00.500Z", Time("2h"));
    EXPECT_EQ("2026-02-28T12:00:00.500Z", Time("1d"));
    EXPECT_EQ("2026-03-01T12:00:00.500Z", Time("0s"));
}

TEST_F(TimeOption, AllElseIsNoTime) {
    for (const char *text : {"", "noon", "2026-02-30", "2026-1-31", "20260131", "2026-01-31T09:00",
                             "2026-01-31 09:00:00Z", "-2h", "2", "1767225600", "36501d"}) {
        EXPECT_EQ(0u, Time(text).find("--since: \"" + std::string(text) + "\" is no time")) << text;
    }
}

} // namespace
