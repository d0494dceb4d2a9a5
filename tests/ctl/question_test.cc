extern "C" {
#include "ctl/question.h"
}

#include <gtest/gtest.h>

namespace {

TEST(Question, IsAnsweredByYesAlone) {
    for (const char *line : {"y\n", "Y\n", "yes\n", "YES\n", "Yes\n", " y \n", "\tyes\r\n", "y"}) {
        EXPECT_TRUE(question_is_yes(line)) << line;
    }
    for (const char *line :
         {"", "\n", "n\n", "no\n", "ye\n", "yess\n", "yy\n", "yes please\n", "y n\n", "j\n", "ja\n",
          "1\n", "true\n", "ok\n", "\ny\nn\n", "y\ny\n", "y.\n"}) {
        EXPECT_FALSE(question_is_yes(line)) << line;
    }
}

// The tests' standard input is no terminal.
TEST(Question, IsNotAskedWhereNobodyIs) {
    EXPECT_FALSE(question_can_be_asked());
}

} // namespace
