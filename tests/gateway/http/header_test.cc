#include <vector>

#include "tests/gateway/http/headers.h"

namespace {

TEST(Header, NamesAndWordsHaveNoCase) {
    EXPECT_TRUE(header_equal(S("ACCEPT-Encoding"), "accept-encoding"));
    EXPECT_TRUE(header_equal(SLICE_EMPTY, ""));
    EXPECT_FALSE(header_equal(S("accept"), "accept-encoding"));
    EXPECT_FALSE(header_equal(S("accept_encoding"), "accept-encoding"));
    const Headers headers = {{"A", "1"}, {"b", "2"}, {"a", "3"}};
    EXPECT_EQ(Str(header_find(headers, "a")->value), "1");
    EXPECT_EQ(header_find(headers, "c"), nullptr);
    EXPECT_EQ(header_find(Headers{}, "a"), nullptr);
}

TEST(Header, TrimsBlanksAtTheEndsOnly) {
    for (const char *text : {"a b", " a b", "a b\t", "\t a b \t "}) {
        EXPECT_EQ(Str(header_trim(Exact(text))), "a b");
    }
    for (const char *text : {"", " ", "\t\t"}) {
        EXPECT_EQ(header_trim(Exact(text)).len, 0u);
    }
    EXPECT_EQ(Str(header_trim(S("\ra\n"))), "\ra\n");
}

TEST(Header, TakesOneByOneUntilTheEnd) {
    Exact text("a ; b;;c;");
    struct slice rest = text;
    std::vector<std::string> parts;
    while (rest.len > 0) {
        parts.push_back(Str(header_take_until(&rest, ';')));
    }
    EXPECT_EQ(parts, (std::vector<std::string>{"a", "b", "", "c"}));
    EXPECT_EQ(header_take_until(&rest, ';').len, 0u);
}

TEST(Header, AListGoesOverAllHeadersOfItsName) {
    const Headers headers = {{"X", "a, b"}, {"y", "no"}, {"x", ""}, {"x", ",,"}, {"X", "c\t,"}};
    std::vector<std::string> elements;
    struct header_list list = header_list_of(headers, "x");
    for (struct slice element; header_list_next(&list, &element);) {
        elements.push_back(Str(element));
    }
    EXPECT_EQ(elements, (std::vector<std::string>{"a", "b", "c"}));
}

} // namespace
