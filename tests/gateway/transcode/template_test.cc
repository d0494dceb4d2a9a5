#include "tests/gateway/support.h"

extern "C" {
#include "gateway/transcode/percent.h"
#include "gateway/transcode/template.h"
}

namespace {

// A template as its parts: "lit:v1 any rest", then variables "name@1+2m".
std::string Describe(const struct path_template &t) {
    std::string text;
    for (size_t i = 0; i < t.segment_count; i++) {
        const struct template_segment &s = t.segments[i];
        text += text.empty() ? "" : " ";
        text += s.kind == TEMPLATE_LITERAL ? "'" + Str(s.literal) + "'"
                : s.kind == TEMPLATE_ANY   ? "*"
                                           : "**";
    }
    if (t.verb.len > 0) {
        text += " :" + Str(t.verb);
    }
    for (size_t i = 0; i < t.variable_count; i++) {
        const struct template_variable &v = t.variables[i];
        text += " " + Str(v.field_path) + "@" + std::to_string(v.first_segment) + "+" +
                std::to_string(v.segment_count) + (v.multi ? "m" : "");
    }
    return text;
}

TEST(Template, LegalOnesAreTakenApart) {
    const struct {
        const char *text;
        const char *parts;
    } rows[] = {
        {"/", "''"},
        {"/v1", "'v1'"},
        {"/v1/runs", "'v1' 'runs'"},
        {"/v1/*", "'v1' *"},
        {"/v1/**", "'v1' **"},
        {"/**", "**"},
        {"/*", "*"},
        {"/*/*/x", "* * 'x'"},
        {"/v1/{id}", "'v1' * id@1+1"},
        {"/v1/{id=*}", "'v1' * id@1+1"},
        {"/v1/{id=**}", "'v1' ** id@1+1m"},
        {"/v1/{name=items/*}", "'v1' 'items' * name@1+2m"},
        {"/v1/{name=a/*/b/**}", "'v1' 'a' * 'b' ** name@1+4m"},
        {"/v1/{a.b.c}/{d_e.f2}", "'v1' * * a.b.c@1+1 d_e.f2@2+1"},
        {"/v1/{_x}", "'v1' * _x@1+1"},
        {"/v1/{id=fixed}", "'v1' 'fixed' id@1+1"},
        {"/v1/runs:batch", "'v1' 'runs' :batch"},
        {"/v1/{id}:cancel", "'v1' * :cancel id@1+1"},
        {"/v1/{name=**}:get-it", "'v1' ** :get-it name@1+1m"},
        {"/v1/*:x", "'v1' * :x"},
        {"/a-b.c_d~e", "'a-b.c_d~e'"},
        {"/a!$&'()+,;=@b", "'a!$&'()+,;=@b'"},
        {"/a%20b/%2Fc", "'a b' '/c'"},
        {"/v1/{a=x/*}/{b=y/*}:do", "'v1' 'x' * 'y' * :do a@1+2m b@3+2m"},
    };
    for (const auto &row : rows) {
        Arena a;
        struct path_template t;
        struct template_fault fault = {0, ""};
        ASSERT_TRUE(template_parse(a, S(row.text), &t, &fault))
            << row.text << " column " << fault.column << ": " << fault.message;
        EXPECT_EQ(Describe(t), row.parts) << row.text;
    }
}

TEST(Template, IllegalOnesAreRefusedWithTheColumn) {
    const struct {
        const char *text;
        size_t column;
        const char *message;
    } rows[] = {
        {"", 1, "a path template starts with \"/\""},
        {"v1", 1, "a path template starts with \"/\""},
        {"*", 1, "a path template starts with \"/\""},
        {"//", 2, "a segment is empty"},
        {"/v1/", 5, "a segment is empty"},
        {"/v1//x", 5, "a segment is empty"},
        {"/v1/a*", 6, "a segment is a literal, \"*\", \"**\" or a variable, not a mixture"},
        {"/v1/*a", 6, "a segment is a literal, \"*\", \"**\" or a variable, not a mixture"},
        {"/v1/***", 7, "a segment is a literal, \"*\", \"**\" or a variable, not a mixture"},
        {"/v1/a{b}", 6, "a segment is a literal, \"*\", \"**\" or a variable, not a mixture"},
        {"/v1/{b}a", 8, "a segment is a literal, \"*\", \"**\" or a variable, not a mixture"},
        {"/v1/**/x", 5, "\"**\" must be the last segment"},
        {"/v1/{a=**}/x", 8, "\"**\" must be the last segment"},
        {"/v1/{a=**/x}", 8, "\"**\" must be the last segment"},
        {"/v1/{}", 6, "a field name is due"},
        {"/v1/{1a}", 6, "a field name is due"},
        {"/v1/{a.}", 8, "a field name is due"},
        {"/v1/{.a}", 6, "a field name is due"},
        {"/v1/{a-b}", 7, "\"=\" or \"}\" is due"},
        {"/v1/{a", 7, "\"}\" is missing"},
        {"/v1/{a=", 8, "a segment is empty"},
        {"/v1/{a=}", 8, "a character that no literal may hold"},
        {"/v1/{a=*", 9, "\"}\" is missing"},
        {"/v1/{a=x/}", 10, "a character that no literal may hold"},
        {"/v1/{a={b}}", 8, "a variable within a variable"},
        {"/v1/{a=x:y}", 9, "a verb within a variable"},
        {"/v1/a}", 6, "\"}\" without \"{\""},
        {"/v1/}", 5, "a character that no literal may hold"},
        {"/v1/{a}/{a}", 9, "a variable stands twice"},
        {"/v1:", 5, "the verb is empty"},
        {"/v1:a:b", 6, "the verb must be the last part"},
        {"/v1:a/b", 6, "the verb must be the last part"},
        {"/v1:*", 5, "a character that no literal may hold"},
        {"/:a", 2, "a character that no literal may hold"},
        {"/v1?x", 4, "a segment is a literal, \"*\", \"**\" or a variable, not a mixture"},
        {"/v1#x", 4, "a segment is a literal, \"*\", \"**\" or a variable, not a mixture"},
        {"/v 1", 3, "a segment is a literal, \"*\", \"**\" or a variable, not a mixture"},
        {"/\xC3\xA9", 2, "a character that no literal may hold"},
        {"/a%2", 3, "\"%\" without two hex digits"},
        {"/a%zz", 3, "\"%\" without two hex digits"},
        {"/v1/%", 5, "\"%\" without two hex digits"},
    };
    for (const auto &row : rows) {
        Arena a;
        struct path_template t;
        struct template_fault fault = {0, ""};
        EXPECT_FALSE(template_parse(a, S(row.text), &t, &fault)) << row.text;
        EXPECT_EQ(fault.column, row.column) << row.text;
        EXPECT_STREQ(fault.message, row.message) << row.text;
    }
}

TEST(Template, EveryCutOfALegalOneIsTakenOrRefusedButNeverRead) {
    const std::string text = "/v1/{a.b=x/*/y/**}:verb%20";
    for (size_t n = 0; n <= text.size(); n++) {
        Arena a;
        Exact cut(text.substr(0, n));
        struct path_template t;
        struct template_fault fault = {0, ""};
        if (!template_parse(a, cut, &t, &fault)) {
            EXPECT_GE(fault.column, 1u);
            EXPECT_LE(fault.column, n + 1);
        }
    }
}

TEST(Percent, DecodesOnceByMode) {
    const struct {
        const char *text;
        enum percent_mode mode;
        const char *decoded;
    } rows[] = {
        {"", PERCENT_ALL, ""},
        {"abc", PERCENT_ALL, "abc"},
        {"a%20b", PERCENT_ALL, "a b"},
        {"a+b", PERCENT_ALL, "a+b"},
        {"a+b%2B", PERCENT_FORM, "a b+"},
        {"%2f%2F", PERCENT_ALL, "//"},
        {"%2f%2Fx%41", PERCENT_KEEP_SLASH, "%2f%2FxA"},
        {"%252F", PERCENT_ALL, "%2F"},
        {"%252F", PERCENT_KEEP_SLASH, "%2F"},
        {"%C3%a9", PERCENT_ALL, "\xC3\xA9"},
    };
    for (const auto &row : rows) {
        Arena a;
        size_t at;
        ASSERT_TRUE(percent_valid(S(row.text), &at));
        EXPECT_EQ(Str(percent_decode(a, S(row.text), row.mode)), row.decoded) << row.text;
    }
}

TEST(Percent, MalformedEncodingIsFound) {
    const struct {
        const char *text;
        size_t at;
    } rows[] = {{"%", 0}, {"a%", 1}, {"a%4", 1}, {"%4g", 0}, {"%g4", 0}, {"%41%", 3}, {"%%41", 0}};
    for (const auto &row : rows) {
        size_t at = 99;
        EXPECT_FALSE(percent_valid(S(row.text), &at)) << row.text;
        EXPECT_EQ(at, row.at) << row.text;
    }
}

} // namespace
