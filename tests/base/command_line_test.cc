extern "C" {
#include "base/core/version.h"
#include "tests/base/command_line_rows.h"
}

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <vector>

// Words, defaults, the environment, tables and --version; tests/ctl/command_test.cc has
// the rest.

namespace {

class CommandLine : public testing::Test {
  protected:
    CommandLine() {
        arena_init(&arena_);
    }
    ~CommandLine() override {
        arena_release(&arena_);
        unsetenv("COMMAND_LINE_TEST_WAIT");
        unsetenv("COMMAND_LINE_TEST_PLACE");
    }
    command_line_outcome Read(std::vector<std::string> arguments) {
        arguments_ = std::move(arguments);
        std::vector<char *> pointers;
        for (auto &argument : arguments_) {
            pointers.push_back(argument.data());
        }
        options_ = options();
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        configuration configuration;
        command_line_outcome outcome =
            command_line_read(&arena_, &command_line_of_rows, static_cast<int>(pointers.size()),
                              pointers.data(), &options_, &configuration);
        out_ = testing::internal::GetCapturedStdout();
        err_ = testing::internal::GetCapturedStderr();
        return outcome;
    }

    arena arena_;
    std::vector<std::string> arguments_;
    options options_;
    std::string out_;
    std::string err_;
};

TEST_F(CommandLine, PutsEachValueIntoItsMember) {
    ASSERT_EQ(COMMAND_LINE_READ,
              Read({"--level=low", "--size", "9", "--name=a", "--name", "b", "--place=", "--loud",
                    "--count=-5", "--wait-ms=9223372036854775807"}));
    EXPECT_EQ(LEVEL_LOW, options_.level);
    EXPECT_EQ(9u, options_.size);
    ASSERT_EQ(2u, options_.names.count);
    EXPECT_STREQ("a", options_.names.items[0]);
    EXPECT_STREQ("b", options_.names.items[1]);
    EXPECT_STREQ("", options_.place);
    EXPECT_TRUE(options_.is_loud);
    EXPECT_EQ(-5, options_.count);
    EXPECT_EQ(INT64_MAX, options_.shared.wait_ms);
    EXPECT_TRUE(options_.shared.has_wait);
}

TEST_F(CommandLine, PutsDefaultsWhereNothingIsGiven) {
    ASSERT_EQ(COMMAND_LINE_READ, Read({}));
    EXPECT_EQ(LEVEL_HIGH, options_.level);
    EXPECT_EQ(0u, options_.size);
    EXPECT_EQ(0u, options_.names.count);
    EXPECT_STREQ("here", options_.place);
    EXPECT_FALSE(options_.is_loud);
    EXPECT_EQ(-3, options_.count);
    EXPECT_EQ(250, options_.shared.wait_ms);
    EXPECT_FALSE(options_.shared.has_wait);
}

TEST_F(CommandLine, ReadsWordsThatStandForNumbers) {
    ASSERT_EQ(COMMAND_LINE_READ, Read({"--size=off"}));
    EXPECT_EQ(SIZE_MAX, options_.size);
    ASSERT_EQ(COMMAND_LINE_READ, Read({"--size=auto"}));
    EXPECT_EQ(SIZE_MAX - 1, options_.size);
}

TEST_F(CommandLine, ReadsTheEnvironmentBeforeTheDefault) {
    setenv("COMMAND_LINE_TEST_PLACE", "there", 1);
    setenv("COMMAND_LINE_TEST_WAIT", "7", 1);
    ASSERT_EQ(COMMAND_LINE_READ, Read({}));
    EXPECT_STREQ("there", options_.place);
    EXPECT_EQ(7, options_.shared.wait_ms);
    EXPECT_FALSE(options_.shared.has_wait);
    ASSERT_EQ(COMMAND_LINE_READ, Read({"--place=", "--wait-ms=8"}));
    EXPECT_STREQ("", options_.place);
    EXPECT_EQ(8, options_.shared.wait_ms);
    setenv("COMMAND_LINE_TEST_PLACE", "", 1);
    ASSERT_EQ(COMMAND_LINE_READ, Read({}));
    EXPECT_STREQ("here", options_.place);
}

TEST_F(CommandLine, NamesTheVariableThatIsWrong) {
    setenv("COMMAND_LINE_TEST_WAIT", "soon", 1);
    EXPECT_EQ(COMMAND_LINE_WRONG, Read({}));
    EXPECT_EQ("prog: COMMAND_LINE_TEST_WAIT: \"soon\" is no integer from 0 to "
              "9223372036854775807; see prog --help\n",
              err_);
    EXPECT_EQ(COMMAND_LINE_READ, Read({"--wait-ms=1"}));
}

TEST_F(CommandLine, ReadsAnOldName) {
    ASSERT_EQ(COMMAND_LINE_READ, Read({"--pause-ms=3"}));
    EXPECT_EQ(3, options_.shared.wait_ms);
    EXPECT_EQ(COMMAND_LINE_WRONG, Read({"--pause-ms=3", "--wait-ms=4"}));
    EXPECT_EQ("prog: --wait-ms is given twice; see prog --help\n", err_);
    EXPECT_EQ(COMMAND_LINE_WRONG, Read({"--pause-ms"}));
    EXPECT_EQ("prog: --pause-ms needs a value: N; see prog --help\n", err_);
}

TEST_F(CommandLine, TellsVersionAndHelpWhateverElseIsThere) {
    EXPECT_EQ(COMMAND_LINE_TOLD, Read({"--nonsense", "--version"}));
    EXPECT_EQ("prog " RUNSD_VERSION "\ncommit unknown\ndate unknown\nlibone 1.2\nlibtwo 3\n", out_);
    EXPECT_EQ(COMMAND_LINE_TOLD, Read({"-h"}));
    EXPECT_EQ("usage: prog [options]\n\nDoes things.\n\nOptions:\n"
              "  --level LEVEL            how much of it there may be before it is more than\n"
              "                           one can take [high]\n"
              "  --size N|auto|off        how big [a few]\n"
              "  --name NAME              a name (repeatable)\n"
              "  --wait-ms N              how long [COMMAND_LINE_TEST_WAIT, 250]\n"
              "  --place PLACE            where [COMMAND_LINE_TEST_PLACE, here, or near]\n"
              "  --loud                   says it\n"
              "  --count N                how many [-3]\n"
              "  --version, --help\n\nEnd.\n",
              out_);
    EXPECT_EQ("", err_);
}

void Complain(const command_line *line, const char *text) {
    fprintf(stderr, "[%s] %s", line->program, text);
}

TEST_F(CommandLine, ComplainsAsItIsTold) {
    command_line line = command_line_of_rows;
    line.complain = Complain;
    testing::internal::CaptureStderr();
    command_line_complain(&line, "%s is wrong", "--x");
    EXPECT_EQ("[prog] --x is wrong", testing::internal::GetCapturedStderr());
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
    testing::Values(
        Wrong{"other_word", {"--level=HIGH"}, "--level: \"HIGH\" is none of low, high"},
        Wrong{"part_of_a_word", {"--level=hi"}, "--level: \"hi\" is none of low, high"},
        Wrong{"empty_word", {"--level="}, "--level: \"\" is none of low, high"},
        Wrong{"number_or_word",
              {"--size=on"},
              "--size: \"on\" is no integer from 1 to 9 and none of auto, off"},
        Wrong{"number_too_small",
              {"--size=0"},
              "--size: \"0\" is no integer from 1 to 9 and none of auto, off"},
        Wrong{"near_word",
              {"--level=hihg"},
              "--level: \"hihg\" is none of low, high (did you mean high?)"},
        Wrong{"near_option", {"--plcae=x"}, "there is no option --plcae (did you mean --place?)"},
        Wrong{"begun_option", {"--pla"}, "there is no option --pla (did you mean --place?)"},
        Wrong{"near_old_name",
              {"--puase-ms=1"},
              "there is no option --puase-ms (did you mean --pause-ms?)"},
        Wrong{"near_help", {"--hepl"}, "there is no option --hepl (did you mean --help?)"},
        Wrong{"far_option", {"--output=x"}, "there is no option --output"},
        Wrong{"list_too_long",
              {"--name=a", "--name=b", "--name=c"},
              "--name: \"c\" is one too many; it may be given 2 times at most"},
        Wrong{"operand", {"x"}, "\"x\" is one argument too many"},
        Wrong{"version_with_value", {"--version=1"}, "there is no option --version"}),
    [](const auto &row) { return row.param.name; });

} // namespace
