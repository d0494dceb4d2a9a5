extern "C" {
#include "base/cli/time_span.h"
}

#include <gtest/gtest.h>

namespace {

TEST(TimeSpan, IsANumberAndAUnit) {
    const struct {
        const char *text;
        int64_t seconds;
    } rows[] = {
        {"0", 0},
        {"000", 0},
        {"0s", 0},
        {"0d", 0},
        {"1s", 1},
        {"90s", 90},
        {"45m", 2700},
        {"24h", 86400},
        {"30d", 2592000},
        {"007h", 25200},
        {"2w", 1209600},
        {"1h30m", 5400},
        {"1w2d3h4m5s", 788645},
        {"36500d", INT64_C(3153600000)},
        {"3153600000s", INT64_C(3153600000)},
    };
    for (const auto &row : rows) {
        int64_t seconds = -1;
        EXPECT_TRUE(time_span_parse(row.text, &seconds)) << row.text;
        EXPECT_EQ(row.seconds, seconds) << row.text;
    }
}

TEST(TimeSpan, OtherTextsAreNone) {
    for (const char *text : {"",
                             "h",
                             "1",
                             "24",
                             "-1h",
                             "+1h",
                             " 1h",
                             "1h ",
                             "1 h",
                             "1.5h",
                             "1H",
                             "1ms",
                             "30m1h",
                             "1h1h",
                             "1h30",
                             "0h0",
                             "36500d1s",
                             "5215w",
                             "0x1h",
                             "1e3s",
                             "36501d",
                             "3153600001s",
                             "99999999999999999999999d",
                             "never"}) {
        int64_t seconds = -1;
        EXPECT_FALSE(time_span_parse(text, &seconds)) << text;
        EXPECT_EQ(-1, seconds) << text;
    }
}

TEST(TimeSpan, IsShownInOneUnit) {
    struct arena a;
    arena_init(&a);
    const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {{INT64_MIN, "0s"},
                {-1, "0s"},
                {0, "0s"},
                {119, "119s"},
                {120, "2m"},
                {7199, "119m"},
                {7200, "2h"},
                {172799, "47h"},
                {172800, "2d"},
                {2592000, "30d"},
                {INT64_MAX, "106751991167300d"}};
    for (const auto &row : rows) {
        EXPECT_STREQ(row.text, time_span_text(&a, row.seconds)) << row.seconds;
    }
    arena_release(&a);
}

} // namespace
