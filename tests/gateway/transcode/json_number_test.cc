#include <cfloat>
#include <cmath>
#include <random>

#include "tests/gateway/support.h"

extern "C" {
#include "base/core/base64.h"
#include "gateway/json/field_mask_text.h"
#include "gateway/json/json_number.h"
#include "gateway/json/well_known_text.h"
}

namespace {

std::string FormatDouble(double d) {
    char text[JSON_NUMBER_BYTES];
    return std::string(text, json_format_double(d, text));
}

std::string FormatFloat(float f) {
    char text[JSON_NUMBER_BYTES];
    return std::string(text, json_format_float(f, text));
}

TEST(JsonNumber, DoublesAreTheShortestThatReadBack) {
    const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-1, "-1"},
        {0.1, "0.1"},
        {-0.1, "-0.1"},
        {0.25, "0.25"},
        {1.5, "1.5"},
        {100.125, "100.125"},
        {0.001, "0.001"},
        {0.0001, "0.0001"},
        {0.00001, "1e-05"},
        {123456789.5, "123456789.5"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {9007199254740991.0, "9007199254740991"},
        {9007199254740992.0, "9007199254740992"},
        {1e15, "1000000000000000"},
        {1e17, "1e+17"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {4.9406564584124654e-324, "5e-324"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(FormatDouble(row.value), row.text);
    }
}

TEST(JsonNumber, RandomDoublesAndFloatsReadBackExactly) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 50000; i++) {
        double d;
        uint64_t bits = random();
        memcpy(&d, &bits, sizeof(d));
        if (i % 2 != 0) {
            d = static_cast<double>(bits % 100000000000) / static_cast<double>(1 + i % 1000 * 10);
        }
        if (std::isfinite(d)) {
            std::string text = FormatDouble(d);
            ASSERT_EQ(strtod(text.c_str(), nullptr), d) << text;
            double back;
            ASSERT_EQ(json_parse_double(S(text), &back), JSON_NUMBER_OK);
            ASSERT_EQ(back, d) << text;
            ASSERT_TRUE(json_double_keeps(S(text), d)) << text;
        }
        float f;
        uint32_t half = static_cast<uint32_t>(bits);
        memcpy(&f, &half, sizeof(f));
        if (std::isfinite(f)) {
            std::string text = FormatFloat(f);
            float back;
            ASSERT_EQ(json_parse_float(S(text), &back), JSON_NUMBER_OK);
            ASSERT_EQ(back, f) << text;
        }
    }
    EXPECT_EQ(FormatFloat(0.1f), "0.1");
    EXPECT_EQ(FormatFloat(-0.0f), "-0");
    EXPECT_EQ(FormatFloat(16777216.0f), "16777216");
    EXPECT_EQ(FormatFloat(FLT_MAX), "3.4028235e+38");
}

TEST(JsonNumber, IntegersAreExactInAnySpelling) {
    const struct {
        const char *text;
        enum json_number_result result;
        int64_t value;
    } rows[] = {
        {"0", JSON_NUMBER_OK, 0},
        {"-0", JSON_NUMBER_OK, 0},
        {"42", JSON_NUMBER_OK, 42},
        {"-42", JSON_NUMBER_OK, -42},
        {"9223372036854775807", JSON_NUMBER_OK, INT64_MAX},
        {"-9223372036854775808", JSON_NUMBER_OK, INT64_MIN},
        {"9223372036854775808", JSON_NUMBER_RANGE, 0},
        {"-9223372036854775809", JSON_NUMBER_RANGE, 0},
        {"99999999999999999999999", JSON_NUMBER_RANGE, 0},
        {"1e3", JSON_NUMBER_OK, 1000},
        {"1E+3", JSON_NUMBER_OK, 1000},
        {"1.0", JSON_NUMBER_OK, 1},
        {"1.50e1", JSON_NUMBER_OK, 15},
        {"100e-2", JSON_NUMBER_OK, 1},
        {"0e99999999999999999999", JSON_NUMBER_OK, 0},
        {"0.0", JSON_NUMBER_OK, 0},
        {"9007199254740993", JSON_NUMBER_OK, 9007199254740993},
        {"1.5", JSON_NUMBER_FRACTIONAL, 0},
        {"1e-1", JSON_NUMBER_FRACTIONAL, 0},
        {"1e99999999999999999999", JSON_NUMBER_RANGE, 0},
        {"1e-99999999999999999999", JSON_NUMBER_FRACTIONAL, 0},
        {"1e19", JSON_NUMBER_RANGE, 0},
        {"", JSON_NUMBER_MALFORMED, 0},
        {"-", JSON_NUMBER_MALFORMED, 0},
        {"+1", JSON_NUMBER_MALFORMED, 0},
        {"01", JSON_NUMBER_MALFORMED, 0},
        {"1.", JSON_NUMBER_MALFORMED, 0},
        {".5", JSON_NUMBER_MALFORMED, 0},
        {"1e", JSON_NUMBER_MALFORMED, 0},
        {"1e+", JSON_NUMBER_MALFORMED, 0},
        {"0x10", JSON_NUMBER_MALFORMED, 0},
        {"1 ", JSON_NUMBER_MALFORMED, 0},
        {" 1", JSON_NUMBER_MALFORMED, 0},
        {"1_000", JSON_NUMBER_MALFORMED, 0},
        {"NaN", JSON_NUMBER_MALFORMED, 0},
    };
    for (const auto &row : rows) {
        int64_t value = 0;
        EXPECT_EQ(json_parse_int64(S(row.text), INT64_MIN, INT64_MAX, &value), row.result)
            << row.text;
        EXPECT_EQ(value, row.value) << row.text;
    }
    uint64_t u = 7;
    EXPECT_EQ(json_parse_uint64(S("18446744073709551615"), UINT64_MAX, &u), JSON_NUMBER_OK);
    EXPECT_EQ(u, UINT64_MAX);
    EXPECT_EQ(json_parse_uint64(S("18446744073709551616"), UINT64_MAX, &u), JSON_NUMBER_RANGE);
    EXPECT_EQ(json_parse_uint64(S("-1"), UINT64_MAX, &u), JSON_NUMBER_RANGE);
    EXPECT_EQ(json_parse_uint64(S("4294967296"), UINT32_MAX, &u), JSON_NUMBER_RANGE);
    int64_t i;
    EXPECT_EQ(json_parse_int64(S("2147483648"), INT32_MIN, INT32_MAX, &i), JSON_NUMBER_RANGE);
}

TEST(JsonNumber, WhatADoubleDoesNotKeepIsSeen) {
    const struct {
        const char *text;
        bool keeps;
    } rows[] = {
        {"0", true},
        {"-0", true},
        {"0.0e500", true},
        {"1.0", true},
        {"1e2", true},
        {"0.1", true},
        {"9007199254740991", true},
        {"9007199254740992", true},
        {"9007199254740993", false},
        {"18014398509481984", true},
        {"18014398509481985", false},
        {"0.30000000000000004", true},
        {"0.1234567890123456789", false},
        {"0.12345678901234568", true},
        // What "%.17g" makes of 0.1 and of 1e23.
        {"0.10000000000000001", true},
        {"0.100000000000000011", false},
        {"9.9999999999999992e22", true},
        {"8.9236511680442573e-14", true},
        {"1.7976931348623157e308", true},
        {"1e-400", false},
        {"5e-324", true},
        {"1e-323", true},
        {"123456789012345678901234567890", false},
        {"100000000000000000000000", true},
        {"0.100000000000000000000000000000", true},
        {"0.100000000000000000000000000001", false},
        {"-11297108109", true},
    };
    for (const auto &row : rows) {
        double d = 0;
        ASSERT_EQ(json_parse_double(S(row.text), &d), JSON_NUMBER_OK) << row.text;
        EXPECT_EQ(json_double_keeps(S(row.text), d), row.keeps) << row.text;
    }
    double d = 7;
    EXPECT_EQ(json_parse_double(S("1e400"), &d), JSON_NUMBER_RANGE);
    EXPECT_EQ(d, 7);
    float f = 7;
    EXPECT_EQ(json_parse_float(S("1e39"), &f), JSON_NUMBER_RANGE);
    std::string long_one = "0." + std::string(5000, '0') + "1";
    EXPECT_EQ(json_parse_double(S(long_one), &d), JSON_NUMBER_OK);
    EXPECT_FALSE(json_double_keeps(S(long_one), d));
}

TEST(Base64, ReadsBothAlphabetsWithAndWithoutPadding) {
    const struct {
        const char *text;
        const char *bytes; // NULL: refused
    } rows[] = {
        {"", ""},
        {"YQ==", "a"},
        {"YQ", "a"},
        {"YWI=", "ab"},
        {"YWI", "ab"},
        {"YWJj", "abc"},
        {"-_-_", "\xFB\xFF\xBF"},
        {"+/+/", "\xFB\xFF\xBF"},
        {"Y", nullptr},
        {"YQ=", nullptr},
        {"YQ===", nullptr},
        {"====", nullptr},
        {"Y Q=", nullptr},
        {"YQ==YQ==", nullptr},
        {"YR==", nullptr},
        {"YW\n", nullptr},
        {"=", nullptr},
        {"YWJj=", nullptr},
    };
    for (const auto &row : rows) {
        uint8_t out[64];
        size_t n = 0;
        bool ok = base64_decode(S(row.text), out, &n);
        EXPECT_EQ(ok, row.bytes != nullptr) << row.text;
        if (ok && row.bytes != nullptr) {
            EXPECT_EQ(std::string(reinterpret_cast<char *>(out), n), row.bytes) << row.text;
        }
    }
    for (size_t n = 0; n < 10; n++) {
        std::string bytes(n, '\xE7');
        std::string text(base64_encoded_size(n), 0);
        base64_encode(S(bytes), reinterpret_cast<uint8_t *>(&text[0]));
        uint8_t out[64];
        size_t size;
        ASSERT_TRUE(base64_decode(S(text), out, &size));
        EXPECT_EQ(std::string(reinterpret_cast<char *>(out), size), bytes);
    }
}

TEST(Duration, TextAndValueAgree) {
    const struct {
        const char *text;
        bool ok;
        int64_t seconds;
        int32_t nanos;
        const char *written;
    } rows[] = {
        {"0s", true, 0, 0, "0s"},
        {"1s", true, 1, 0, "1s"},
        {"-1s", true, -1, 0, "-1s"},
        {"1.5s", true, 1, 500000000, "1.500s"},
        {"-0.5s", true, 0, -500000000, "-0.500s"},
        {"0.000001s", true, 0, 1000, "0.000001s"},
        {"0.000000001s", true, 0, 1, "0.000000001s"},
        {"315576000000s", true, 315576000000, 0, "315576000000s"},
        {"-315576000000s", true, -315576000000, 0, "-315576000000s"},
        {"315576000000.999999999s", true, 315576000000, 999999999, "315576000000.999999999s"},
        {"-315576000000.1s", true, -315576000000, -100000000, "-315576000000.100s"},
        {"315576000001s", false, 0, 0, ""},
        {"99999999999999999999s", false, 0, 0, ""},
        {"", false, 0, 0, ""},
        {"s", false, 0, 0, ""},
        {"1", false, 0, 0, ""},
        {"1.s", false, 0, 0, ""},
        {".5s", false, 0, 0, ""},
        {"+1s", false, 0, 0, ""},
        {"--1s", false, 0, 0, ""},
        {"1.0000000001s", false, 0, 0, ""},
        {"1 s", false, 0, 0, ""},
        {"1ss", false, 0, 0, ""},
        {"1e3s", false, 0, 0, ""},
    };
    for (const auto &row : rows) {
        int64_t seconds = 0;
        int32_t nanos = 0;
        ASSERT_EQ(duration_parse(S(row.text), &seconds, &nanos), row.ok) << row.text;
        EXPECT_EQ(seconds, row.seconds) << row.text;
        EXPECT_EQ(nanos, row.nanos) << row.text;
        if (row.ok) {
            char text[DURATION_TEXT_SIZE];
            int n = duration_format(seconds, nanos, text);
            EXPECT_EQ(std::string(text, static_cast<size_t>(n)), row.written);
        }
    }
    char text[DURATION_TEXT_SIZE];
    EXPECT_EQ(duration_format(1, -1, text), 0);
    EXPECT_EQ(duration_format(-1, 1, text), 0);
    EXPECT_EQ(duration_format(0, 1000000000, text), 0);
    EXPECT_EQ(duration_format(315576000001, 0, text), 0);
}

TEST(FieldMask, PathsReadBackAsThemselvesOrAreRefused) {
    const struct {
        const char *path;
        const char *json; // NULL: refused
    } rows[] = {
        {"a", "a"},
        {"foo_bar", "fooBar"},
        {"a.b_c", "a.bC"},
        {"x1", "x1"},
        {"fooBar", nullptr},
        {"a__b", nullptr},
        {"a_", nullptr},
        {"a_1", nullptr},
        {"", nullptr},
        {"a-b", nullptr},
        {"a b", nullptr},
        {"\"", nullptr},
        {"a.*.b_c", "a.*.bC"},
        {"a.`b_C,.``d`", "a.`b_C,.``d`"},
        {"a.-7.0", "a.-7.0"},
        {"a.", nullptr},
        {"a.*b", nullptr},
        {"a.``b", nullptr},
    };
    for (const auto &row : rows) {
        Buffer out;
        EXPECT_EQ(field_mask_path_to_json(S(row.path), out), row.json != nullptr) << row.path;
        if (row.json != nullptr) {
            EXPECT_EQ(out.str(), row.json);
            Buffer back;
            EXPECT_TRUE(field_mask_path_from_json(S(row.json), FIELD_MASK_JSON, back));
            EXPECT_EQ(back.str(), row.path);
        }
    }
    for (const char *text : {"", "foo_bar", "a-b", "a b", "\xC3\xA9"}) {
        Buffer out;
        EXPECT_FALSE(field_mask_path_from_json(S(text), FIELD_MASK_JSON, out)) << text;
    }
}

} // namespace
