extern "C" {
#include "base/core/timestamp.h"
}

#include <ctime>
#include <gtest/gtest.h>
#include <string>

namespace {

std::string Format(int64_t seconds, int32_t nanos) {
    char text[TIMESTAMP_TEXT_SIZE];
    int n = timestamp_format(seconds, nanos, text);
    return std::string(text, static_cast<size_t>(n));
}

TEST(Timestamp, PrintsWithZeroThreeSixOrNineDigits) {
    EXPECT_EQ("1970-01-01T00:00:00Z", Format(0, 0));
    EXPECT_EQ("1970-01-01T00:00:00.120Z", Format(0, 120000000));
    EXPECT_EQ("1970-01-01T00:00:00.000001Z", Format(0, 1000));
    EXPECT_EQ("1969-12-31T23:59:59.999999999Z", Format(-1, 999999999));
    EXPECT_EQ("0001-01-01T00:00:00Z", Format(TIMESTAMP_MIN_SECONDS, 0));
    EXPECT_EQ("9999-12-31T23:59:59Z", Format(TIMESTAMP_MAX_SECONDS, 0));
    EXPECT_EQ("2024-02-29T12:00:00Z", Format(1709208000, 0));
}

TEST(Timestamp, PrintsNothingOutOfRange) {
    EXPECT_EQ("", Format(TIMESTAMP_MIN_SECONDS - 1, 0));
    EXPECT_EQ("", Format(TIMESTAMP_MAX_SECONDS + 1, 0));
    EXPECT_EQ("", Format(0, -1));
    EXPECT_EQ("", Format(0, 1000000000));
}

TEST(Timestamp, PrintsMicrosecondsBeforeTheEpoch) {
    char text[TIMESTAMP_TEXT_SIZE];
    timestamp_format_us(-1, text);
    EXPECT_STREQ("1969-12-31T23:59:59.999999Z", text);
}

TEST(Timestamp, AgreesWithTheCLibraryOnEveryDayOfEightCenturies) {
    for (int64_t day = -146097; day < 146097; day++) {
        time_t t = static_cast<time_t>(day * 86400 + 3661);
        tm parts;
        gmtime_r(&t, &parts);
        char expected[64];
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &parts);
        std::string text = Format(t, 0);
        ASSERT_EQ(expected, text);
        int64_t seconds = 0;
        int32_t nanos = 0;
        ASSERT_TRUE(timestamp_parse(slice_of_cstr(expected), &seconds, &nanos));
        ASSERT_EQ(t, seconds);
    }
}

TEST(Timestamp, ReadsOffsetsAndFractions) {
    const struct {
        const char *text;
        int64_t seconds;
        int32_t nanos;
    } rows[] = {
        {"1970-01-01T00:00:00.5Z", 0, 500000000}, {"1970-01-01T00:00:00.123456789Z", 0, 123456789},
        {"1970-01-01T01:00:00+01:00", 0, 0},      {"1969-12-31T18:30:00-05:30", 0, 0},
        {"2000-02-29T00:00:00Z", 951782400, 0},
    };
    for (const auto &row : rows) {
        int64_t seconds = 0;
        int32_t nanos = 0;
        ASSERT_TRUE(timestamp_parse(slice_of_cstr(row.text), &seconds, &nanos)) << row.text;
        EXPECT_EQ(row.seconds, seconds) << row.text;
        EXPECT_EQ(row.nanos, nanos) << row.text;
    }
}

TEST(Timestamp, RefusesWhatIsNoInstant) {
    for (const char *text : {"",
                             "1970",
                             "1970-01-01",
                             "1970-01-01T00:00:00",
                             "1970-01-01t00:00:00Z",
                             "1970-01-01T00:00:00z",
                             "1970-01-01 00:00:00Z",
                             "1970-13-01T00:00:00Z",
                             "1970-00-01T00:00:00Z",
                             "1970-01-32T00:00:00Z",
                             "1970-01-00T00:00:00Z",
                             "1971-02-29T00:00:00Z",
                             "1900-02-29T00:00:00Z",
                             "1970-01-01T24:00:00Z",
                             "1970-01-01T00:60:00Z",
                             "1970-01-01T00:00:60Z",
                             "1970-01-01T00:00:00.Z",
                             "1970-01-01T00:00:00.1234567890Z",
                             "1970-01-01T00:00:00+0100",
                             "1970-01-01T00:00:00+01",
                             "1970-01-01T00:00:00+24:00",
                             "1970-01-01T00:00:00+00:60",
                             "0000-01-01T00:00:00Z",
                             "0001-01-01T00:00:00+00:01",
                             "9999-12-31T23:59:59-00:01",
                             "1970-01-01T00:00:00ZZ",
                             " 1970-01-01T00:00:00Z",
                             "19700-1-01T00:00:00Z"}) {
        int64_t seconds = 42;
        int32_t nanos = 43;
        EXPECT_FALSE(timestamp_parse(slice_of_cstr(text), &seconds, &nanos)) << text;
        EXPECT_EQ(42, seconds);
        EXPECT_EQ(43, nanos);
    }
}

} // namespace
