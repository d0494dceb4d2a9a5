extern "C" {
#include "ctl/count_text.h"
#include "ctl/progress_line.h"
}

#include <gtest/gtest.h>
#include <string>

namespace {

progress_line Line(int64_t done, int64_t total, int64_t elapsed_us = 0, int64_t from_done = 0) {
    progress_line line = {};
    line.what = "cancelling";
    line.done = done;
    line.total = total;
    line.elapsed_us = elapsed_us;
    line.from_done = from_done;
    return line;
}

std::string Shown(const progress_line &line, size_t width, bool has_color = false) {
    strbuf out = STRBUF_INIT;
    progress_line_append(&out, &line, width, has_color);
    std::string text(reinterpret_cast<char *>(out.data), out.len);
    strbuf_release(&out);
    return text;
}

TEST(ProgressLine, ShowsShareRateAndWhatIsLeft) {
    EXPECT_EQ(
        "cancelling [####################                    ] 50% 600 of 1,200, 300/s, 2s left",
        Shown(Line(600, 1200, 2000000), 100));
}

TEST(ProgressLine, CountsTheRateFromWhereItBegan) {
    EXPECT_NE(std::string::npos,
              Shown(Line(600, 1200, 2000000, 500), 100).find("600 of 1,200, 50/s, 12s left"));
    EXPECT_NE(std::string::npos,
              Shown(Line(501, 1200, 9000000, 500), 100).find(", less than 1/s, "));
}

TEST(ProgressLine, SaysNothingOfTheRateThatIsNotKnown) {
    for (const progress_line &line : {Line(600, 1200, 999999), Line(600, 1200, 5000000, 600)}) {
        EXPECT_EQ(std::string::npos, Shown(line, 100).find("/s")) << Shown(line, 100);
    }
}

TEST(ProgressLine, IsFullAtTheEndAndNotBefore) {
    EXPECT_EQ("cancelling [########################################] 100% 7 of 7",
              Shown(Line(7, 7), 100));
    EXPECT_EQ("cancelling [########################################] 100% 9 of 7",
              Shown(Line(9, 7), 100)); // the total grew behind
    EXPECT_EQ("cancelling [####################################### ] 99% 999,999 of 1,000,000",
              Shown(Line(999999, 1000000), 100));
}

TEST(ProgressLine, TellsWhatIsDoneWhereTheTotalIsNotKnown) {
    EXPECT_EQ("cancelling 12,345", Shown(Line(12345, 0), 100));
}

TEST(ProgressLine, TakesNoMoreThanTheTerminalHas) {
    const progress_line line = Line(600000, 1200000, 2000000);
    for (size_t width = 0; width <= 120; width++) {
        EXPECT_LE(Shown(line, width).size(), width) << Shown(line, width);
    }
    EXPECT_EQ("cancelling 50% 600,000 of 1,200,000, 300,000/s, 2s left", Shown(line, 60));
    EXPECT_EQ("cancelling [##########          ] 50% 600,000 of 1,200,000, 300,000/s, 2s left",
              Shown(line, 78));
    EXPECT_EQ("cancelling 50% 600,000 of 1,200,000", Shown(line, 45));
    EXPECT_EQ("cancelling 600,000 of 1,200,000", Shown(line, 31));
    EXPECT_EQ("600,000 of 1,200,000", Shown(line, 30));
    EXPECT_EQ("600,0", Shown(line, 5));
}

TEST(ProgressLine, HasColorsThatTakeNoRoom) {
    std::string text = Shown(Line(1, 2), 60, true);
    EXPECT_NE(std::string::npos, text.find("[\x1b[32m##"));
    EXPECT_NE(std::string::npos, text.find("#\x1b[0m "));
    EXPECT_NE(std::string::npos, Shown(Line(2, 2), 60, true).find("#\x1b[0m] 100%"));
    for (const char *escape : {"\x1b[32m", "\x1b[0m"}) {
        text.erase(text.find(escape), std::string(escape).size());
    }
    EXPECT_EQ(Shown(Line(1, 2), 60), text);
}

TEST(CountText, HasCommasBetweenThousands) {
    arena a;
    arena_init(&a);
    EXPECT_STREQ("0", count_text(&a, 0));
    EXPECT_STREQ("999", count_text(&a, 999));
    EXPECT_STREQ("1,000", count_text(&a, 1000));
    EXPECT_STREQ("123,456,789", count_text(&a, 123456789));
    EXPECT_STREQ("-1,000", count_text(&a, -1000));
    EXPECT_STREQ("-100", count_text(&a, -100));
    EXPECT_STREQ("9,223,372,036,854,775,807", count_text(&a, INT64_MAX));
    EXPECT_STREQ("1 run", count_text_of_runs(&a, 1));
    EXPECT_STREQ("0 runs", count_text_of_runs(&a, 0));
    EXPECT_STREQ("1,234 runs", count_text_of_runs(&a, 1234));
    arena_release(&a);
}

} // namespace
