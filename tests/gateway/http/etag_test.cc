#include "tests/gateway/http/headers.h"

extern "C" {
#include "gateway/edge/etag.h"
}

namespace {

std::string Make(const std::string &bytes, uint64_t variant = 0) {
    char etag[ETAG_SIZE];
    etag_make(S(bytes), variant, etag);
    return etag;
}

TEST(ETag, IsAWeakTagOf128Bits) {
    std::string tag = Make("{}");
    EXPECT_EQ(tag.size(), ETAG_SIZE - 1u);
    EXPECT_EQ(tag.substr(0, 3), "W/\"");
    EXPECT_EQ(tag.find_first_not_of("0123456789abcdef", 3), ETAG_SIZE - 2u);
    EXPECT_EQ(tag.back(), '"');
    // The value that XXH128 of nothing has (xxHash's own test vector).
    EXPECT_EQ(Make(""), "W/\"99aa06d3014798d86001c324468d497f\"");
}

TEST(ETag, IsTheSameForTheSameBytesOnly) {
    const std::string bytes(1500, 'x');
    EXPECT_EQ(Make(bytes), Make(bytes));
    EXPECT_NE(Make(bytes), Make(bytes, 1));
    for (size_t at : {size_t{0}, size_t{700}, size_t{1499}}) {
        std::string other = bytes;
        other[at] = 'y';
        EXPECT_NE(Make(bytes), Make(other)) << at;
    }
    EXPECT_NE(Make(bytes), Make(bytes + "x"));
}

struct Row {
    std::string value;
    bool matches;
};

TEST(ETag, IfNoneMatchIsAList) {
    const Row rows[] = {
        {"\"a\"", true},
        {"W/\"a\"", true},
        {"\"b\", \"a\"", true},
        {"\"a\", \"b\"", true},
        {"\"b\",W/\"c\" ,\tW/\"a\"", true},
        {", ,\"a\",,", true},
        {" \"a\" ", true},
        {"*", true},
        {" * ", true},
        {"\"b,\", \"a\"", true},
        {"\"x\\\", \"a\"", true}, // a backslash escapes nothing
        {"\"\xc3\xa4\", \"a\"", true},
        {"\"b\"", false},
        {"\"A\"", false},
        {"\"a \"", false},
        {"\"\"", false},
        {"", false},
        {",", false},
        // Malformed: matches nothing, even with the tag in it.
        {"a", false},
        {"\"a", false},
        {"a\"", false},
        {"w/\"a\"", false},
        {"W\"a\"", false},
        {"W/ \"a\"", false},
        {"\"a\" \"b\"", false},
        {"\"a\"\"b\"", false},
        {"\"a\", b", false},
        {"\"a\", *", false},
        {"*, \"a\"", false},
        {"**", false},
        {"W/", false},
        {"W", false},
        {"\"", false},
        {"\"a\", \"", false},
        {"\"a\", \"b\tc\"", false},
        {"\"a\", \"b\x7f\"", false},
    };
    for (const Row &row : rows) {
        Headers headers = {{"Host", "h"}, {"if-None-match", row.value}};
        EXPECT_EQ(etag_none_match(headers, "W/\"a\""), row.matches) << row.value;
    }
}

TEST(ETag, SeveralIfNoneMatchAreOneList) {
    EXPECT_FALSE(etag_none_match(Headers{}, "W/\"a\""));
    EXPECT_FALSE(etag_none_match(Headers{{"If-Match", "\"a\""}}, "W/\"a\""));
    const Headers second = {{"If-None-Match", "\"b\""}, {"If-None-Match", "\"a\""}};
    EXPECT_TRUE(etag_none_match(second, "W/\"a\""));
    const Headers malformed = {{"If-None-Match", "\"a\""}, {"If-None-Match", "b"}};
    EXPECT_FALSE(etag_none_match(malformed, "W/\"a\""));
    const Headers any = {{"If-None-Match", "*"}, {"If-None-Match", "\"a\""}};
    EXPECT_FALSE(etag_none_match(any, "W/\"a\""));
}

} // namespace
