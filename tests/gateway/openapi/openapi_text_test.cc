#include <gtest/gtest.h>
#include <string>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/openapi/openapi_text.h"
}

namespace {

struct Row {
    const char *comment, *summary, *description, *outcomes;
};

std::string Outcomes(const struct openapi_text &text) {
    std::string all;
    for (const struct openapi_outcome *o = text.outcomes; o != nullptr; o = o->next) {
        all += std::string(status_code_name(o->code)) + "=" + Str(o->text) + ";";
    }
    return all;
}

TEST(OpenapiText, CommentsAreTakenApart) {
    const Row rows[] = {
        {"", "", "", ""},
        {" One line.\n", "One line", "One line.", ""},
        {" Without a stop\n", "Without a stop", "Without a stop", ""},
        {" A sentence. Another one.\n", "A sentence", "A sentence. Another one.", ""},
        {" Of version 1.2, say. More.\n", "Of version 1.2, say", "Of version 1.2, say. More.", ""},
        {" Two lines\n of one.\n", "Two lines of one", "Two lines of one.", ""},
        {" One.\n\n Two.\n", "One", "One.\n\nTwo.", ""},
        {" What:\n\n  - a\n    b\n  - c\n", "What", "What:\n\n- a b\n- c", ""},
        {" Code:\n\n     x = 1\n     y = 2\n", "Code", "Code:\n\n    x = 1\n    y = 2", ""},
        {" # Head\n text\n", "# Head", "# Head\ntext", ""},
        {" | a | b |\n | c | d |\n", "| a | b |", "| a | b |\n| c | d |", ""},
        {" It is.\n\n NOT_FOUND: no such\n thing.\n ABORTED: it changed.\n\n More.\n", "It is",
         "It is.\n\nMore.", "NOT_FOUND=no such thing.;ABORTED=it changed.;"},
        {" NOT_FOUNDED: a word.\n NOT_FOUND:\n", "NOT_FOUNDED: a word",
         "NOT_FOUNDED: a word. NOT_FOUND:", ""},
        {" OK: it is.\n", "OK: it is", "OK: it is.", ""},
        {"\n\n  \n", "", "", ""},
    };
    for (const Row &row : rows) {
        Arena a;
        struct openapi_text text = openapi_text_of(a, S(row.comment));
        EXPECT_EQ(Str(text.summary), row.summary) << row.comment;
        EXPECT_EQ(Str(text.description), row.description) << row.comment;
        EXPECT_EQ(Outcomes(text), row.outcomes) << row.comment;
    }
}

TEST(OpenapiText, ALongSentenceIsCutBehindAWord) {
    Arena a;
    std::string comment;
    for (int i = 0; i < 60; i++) {
        comment += "word ";
    }
    struct openapi_text text = openapi_text_of(a, S(comment));
    EXPECT_LE(text.summary.len, 120u);
    EXPECT_GT(text.summary.len, 110u);
    EXPECT_EQ(Str(text.summary).substr(text.summary.len - 4), "word");
    struct openapi_text one = openapi_text_of(a, S(std::string(500, 'x').c_str()));
    EXPECT_LE(one.summary.len, 120u) << "a word that is longer than a summary";
}

} // namespace
