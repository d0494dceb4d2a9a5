extern "C" {
#include "base/cli/command_line.h"
}

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

// Words, limits of lists and --version; tests/ctl/command_test.cc has the rest.

namespace {

enum { LEVEL, SIZE, NAME, OPTION_TOTAL };

const char *const kLevels[] = {"low", "high", nullptr};
const char *const kSizeWords[] = {"off", "auto", nullptr};

const option kOptions[] = {
    {"--level", OPTION_CHOICE, "LEVEL", "how much\nof it", false, 0, 0, kLevels},
    {"--size", OPTION_NUMBER, "N|off|auto", "how big", false, 1, 9, kSizeWords},
    {"--name", OPTION_LIST, "NAME", "a name", false, 0, 2, nullptr},
};

const command_line kLine = {"prog",  "1.2.3",  nullptr,      "", "Does things.",
                            nullptr, kOptions, OPTION_TOTAL, 0,  "End.\n"};

class CommandLine : public testing::Test {
  protected:
    CommandLine() {
        arena_init(&arena_);
    }
    ~CommandLine() override {
        arena_release(&arena_);
    }
    command_line_outcome Read(std::vector<std::string> arguments) {
        arguments_ = std::move(arguments);
        std::vector<char *> pointers;
        for (auto &argument : arguments_) {
            pointers.push_back(argument.data());
        }
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const char **operands;
        command_line_outcome outcome =
            command_line_read(&arena_, &kLine, static_cast<int>(pointers.size()), pointers.data(),
                              &values_, &operands);
        out_ = testing::internal::GetCapturedStdout();
        err_ = testing::internal::GetCapturedStderr();
        return outcome;
    }

    arena arena_;
    std::vector<std::string> arguments_;
    option_value *values_ = nullptr;
    std::string out_;
    std::string err_;
};

TEST_F(CommandLine, ReadsWordsAsTheirIndexes) {
    ASSERT_EQ(COMMAND_LINE_READ, Read({"--level", "high", "--size=auto"}));
    EXPECT_EQ(1, values_[LEVEL].number);
    EXPECT_TRUE(values_[SIZE].is_word);
    EXPECT_EQ(1, values_[SIZE].number);
    ASSERT_EQ(COMMAND_LINE_READ, Read({"--size=9"}));
    EXPECT_FALSE(values_[LEVEL].given);
    EXPECT_FALSE(values_[SIZE].is_word);
    EXPECT_EQ(9, values_[SIZE].number);
}

TEST_F(CommandLine, TellsVersionAndHelpWhateverElseIsThere) {
    EXPECT_EQ(COMMAND_LINE_TOLD, Read({"--nonsense", "--version"}));
    EXPECT_EQ("prog 1.2.3\n", out_);
    EXPECT_EQ(COMMAND_LINE_TOLD, Read({"-h"}));
    EXPECT_EQ("usage: prog [options]\n\nDoes things.\n\nOptions:\n"
              "  --level LEVEL            how much\n"
              "                           of it\n"
              "  --size N|off|auto        how big\n"
              "  --name NAME              a name (repeatable)\n"
              "  --version, --help\n\nEnd.\n",
              out_);
    EXPECT_EQ("", err_);
}

struct Wrong {
    const char *name;
    std::vector<std::string> arguments;
    const char *told;
};

class WrongCommandLine : public CommandLine, public testing::WithParamInterface<Wrong> {};

TEST_P(WrongCommandLine, IsToldInOneLine) {
    EXPECT_EQ(COMMAND_LINE_WRONG, Read(GetParam().arguments));
    EXPECT_EQ("", out_);
    EXPECT_EQ(std::string("prog: ") + GetParam().told + "; see prog --help\n", err_);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, WrongCommandLine,
    testing::Values(Wrong{"other_word", {"--level=HIGH"}, "--level: \"HIGH\" is none of low, high"},
                    Wrong{"part_of_a_word", {"--level=hi"}, "--level: \"hi\" is none of low, high"},
                    Wrong{"empty_word", {"--level="}, "--level: \"\" is none of low, high"},
                    Wrong{"number_or_word",
                          {"--size=on"},
                          "--size: \"on\" is no integer from 1 to 9 and none of off, auto"},
                    Wrong{"number_too_small",
                          {"--size=0"},
                          "--size: \"0\" is no integer from 1 to 9 and none of off, auto"},
                    Wrong{"list_too_long",
                          {"--name=a", "--name=b", "--name=c"},
                          "--name: \"c\" is one too many; it may be given 2 times at most"},
                    Wrong{"operand", {"x"}, "\"x\" is one argument too many"},
                    Wrong{"version_with_value", {"--version=1"}, "there is no option --version"}),
    [](const auto &row) { return row.param.name; });

} // namespace
