extern "C" {
#include "base/core/strbuf.h"
}

#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

namespace {

std::string Json(const std::string &text) {
    strbuf b = STRBUF_INIT;
    strbuf_append_json_string(&b, slice_of(text.data(), text.size()));
    std::string out(reinterpret_cast<char *>(b.data), b.len);
    strbuf_release(&b);
    return out;
}

TEST(Strbuf, GrowsByAnyMeans) {
    strbuf b = STRBUF_INIT;
    std::string expected;
    for (int i = 0; i < 1000; i++) {
        strbuf_append_byte(&b, 'a');
        strbuf_append_cstr(&b, "bc");
        strbuf_printf(&b, "%d", i);
        strbuf_append_slice(&b, slice_of_cstr("-"));
        expected += "abc" + std::to_string(i) + "-";
    }
    EXPECT_EQ(expected, std::string(reinterpret_cast<char *>(b.data), b.len));
    size_t len = 0;
    uint8_t *data = strbuf_detach(&b, &len);
    EXPECT_EQ(expected.size(), len);
    EXPECT_EQ(nullptr, b.data);
    free(data);
}

TEST(Strbuf, EscapesWhatJsonMustEscape) {
    EXPECT_EQ("\"\"", Json(""));
    EXPECT_EQ("\"plain\"", Json("plain"));
    EXPECT_EQ("\"\\\"\\\\/\\b\\f\\n\\r\\t\"", Json("\"\\/\b\f\n\r\t"));
    EXPECT_EQ("\"\\u0000\\u001f\x7f\"", Json(std::string("\0\x1f\x7f", 3)));
    EXPECT_EQ("\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"",
              Json("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"));
}

TEST(Strbuf, ReplacesEveryByteThatIsNoUtf8) {
    EXPECT_EQ("\"a\xEF\xBF\xBD"
              "b\"",
              Json("a\xFF"
                   "b"));
    EXPECT_EQ("\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"", Json("\xED\xA0\x80"));
    EXPECT_EQ("\"\xEF\xBF\xBD\xEF\xBF\xBD\"", Json("\xE2\x82"));
}

} // namespace
