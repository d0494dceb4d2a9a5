extern "C" {
#include "ctl/print.h"
}

#include <clocale>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

namespace {

// What a function writes to a FILE.
template <typename Function> std::string Written(Function function) {
    char *text = nullptr;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    function(out);
    fclose(out);
    std::string result(text, size);
    free(text);
    return result;
}

std::string Printed(const std::string &text) {
    return Written([&](FILE *out) { print_text(out, slice_of(text.data(), text.size())); });
}

TEST(Print, LeavesTextAsItIs) {
    EXPECT_EQ("", Printed(""));
    EXPECT_EQ("plain ~ text", Printed("plain ~ text"));
    EXPECT_EQ("grün ключ 漢字 🙂", Printed("grün ключ 漢字 🙂"));
}

TEST(Print, DisarmsControlCharacters) {
    EXPECT_EQ("\\x1B[2J", Printed("\x1b[2J"));
    EXPECT_EQ("a\\x0Ab\\x09c\\x0D", Printed("a\nb\tc\r"));
    EXPECT_EQ("\\x7F", Printed("\x7f"));
    EXPECT_EQ("\\x00", Printed(std::string(1, '\0')));
    EXPECT_EQ("\\xC2\\x9B31m", Printed("\xc2\x9b"
                                       "31m"));
    EXPECT_EQ("\xc2\xa0", Printed("\xc2\xa0")); // the first behind C1
}

TEST(Print, ShowsBytesThatAreNoUtf8) {
    EXPECT_EQ("a\\xFFb\\xC3", Printed("a\xff"
                                      "b\xc3"));
}

TEST(Table, AlignsColumns) {
    const char *const headings[] = {"ID", "STATUS", "WHO"};
    table t;
    table_init(&t, 3, headings);
    for (const char *cell : {"long-identifier", "ok", "ann", "b", "cancelled", "ключ"}) {
        table_add(&t, cell);
    }
    EXPECT_EQ("ID               STATUS     WHO\n"
              "long-identifier  ok         ann\n"
              "b                cancelled  ключ\n",
              Written([&](FILE *out) { table_print(&t, out); }));
    table_release(&t);
}

TEST(Table, AlignsByCharactersAndDisarmsThem) {
    table t;
    table_init(&t, 2, nullptr);
    for (const char *cell : {"ä", "1", "\x1b", "2"}) {
        table_add(&t, cell);
    }
    EXPECT_EQ("ä     1\n"
              "\\x1B  2\n",
              Written([&](FILE *out) { table_print(&t, out); }));
    table_release(&t);
}

TEST(Table, CountsTheColumnsThatCharactersTake) {
    ASSERT_NE(nullptr, setlocale(LC_CTYPE, "C.UTF-8"));
    table t;
    table_init(&t, 2, nullptr);
    for (const char *cell : {"漢字", "1", "e\u0301", "2", "abcd", "3", "ключ", "4"}) {
        table_add(&t, cell);
    }
    EXPECT_EQ("漢字  1\n"
              "e\u0301     2\n"
              "abcd  3\n"
              "ключ  4\n",
              Written([&](FILE *out) { table_print(&t, out); }));
    table_release(&t);
    table_init(&t, 2, nullptr);
    table_fit(&t, 12, 1U << 0);
    for (const char *cell : {"漢字漢字漢字漢字", "1", "a漢字漢字漢字漢字", "2"}) {
        table_add(&t, cell);
    }
    // 9 columns: eight and the sign, of which a wide character does not fit into the last.
    EXPECT_EQ("漢字漢字…  1\n"
              "a漢字漢…   2\n",
              Written([&](FILE *out) { table_print(&t, out); }));
    table_release(&t);
    setlocale(LC_CTYPE, "C");
}

TEST(Table, ReservesWhatLaterPagesNeed) {
    const char *const headings[] = {"A", "B"};
    table t;
    table_init(&t, 2, headings);
    table_reserve(&t, 0, 4);
    EXPECT_EQ("A     B\n"
              "9s    1\n"
              "118s  2\n",
              Written([&](FILE *out) {
                  for (const char *cell : {"9s", "1"}) {
                      table_add(&t, cell);
                  }
                  table_print(&t, out);
                  for (const char *cell : {"118s", "2"}) {
                      table_add(&t, cell);
                  }
                  table_print(&t, out);
              }));
    table_release(&t);
}

TEST(Table, PrintsHeadingsAloneWhenItIsEmpty) {
    const char *const headings[] = {"A", "B"};
    table t;
    table_init(&t, 2, headings);
    EXPECT_EQ("A  B\n", Written([&](FILE *out) { table_print(&t, out); }));
    table_release(&t);
}

TEST(Table, TakesManyRows) {
    table t;
    table_init(&t, 1, nullptr);
    std::string expected;
    for (int i = 0; i < 1000; i++) {
        table_add(&t, "x");
        expected += "x\n";
    }
    EXPECT_EQ(expected, Written([&](FILE *out) { table_print(&t, out); }));
    table_release(&t);
}

TEST(Table, CutsWhatMayBeCutToTheWidth) {
    const char *const headings[] = {"ID", "WORKFLOW", "REASON"};
    table t;
    table_init(&t, 3, headings);
    table_fit(&t, 36, 1U << 1 | 1U << 2);
    for (const char *cell :
         {"never-cut-id", "ключключключключ", "0123456789abcdef", "b", "w", "r"}) {
        table_add(&t, cell);
    }
    EXPECT_EQ("ID            WORKFLOW    REASON\n"
              "never-cut-id  ключключк…  012345678…\n"
              "b             w           r\n",
              Written([&](FILE *out) { table_print(&t, out); }));
    table_release(&t);
}

TEST(Table, CutsNothingShorterThanItCanBeRead) {
    table t;
    table_init(&t, 2, nullptr);
    table_fit(&t, 4, 1U << 1);
    for (const char *cell : {"0123456789", "0123456789"}) {
        table_add(&t, cell);
    }
    EXPECT_EQ("0123456789  0123456…\n", Written([&](FILE *out) { table_print(&t, out); }));
    table_release(&t);
}

TEST(Table, PrintsPagesUnderOneHeading) {
    const char *const headings[] = {"A", "B"};
    table t;
    table_init(&t, 2, headings);
    EXPECT_EQ("A     B\n"
              "long  1\n"
              "x     2\n",
              Written([&](FILE *out) {
                  for (const char *cell : {"long", "1"}) {
                      table_add(&t, cell);
                  }
                  table_print(&t, out);
                  for (const char *cell : {"x", "2"}) {
                      table_add(&t, cell);
                  }
                  table_print(&t, out);
              }));
    table_release(&t);
}

} // namespace
