extern "C" {
#include "ctl/command.h"
#include "ctl/exit_code.h"
#include "tests/ctl/command_rows.h"
}

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace {

// What the command was run with.
struct Seen {
    int runs = 0;
    bool quiet = false;
    std::string name;
    std::vector<std::string> tags;
    int64_t count = -100;
    std::string operand;
    std::vector<std::string> more;
};

Seen seen;

int Run(invocation *in) {
    const test_options *options = static_cast<const test_options *>(in->options);
    seen.runs++;
    seen.quiet = options->quiet;
    seen.name = options->name;
    for (size_t i = 0; i < options->tags.count; i++) {
        seen.tags.emplace_back(options->tags.items[i]);
    }
    seen.count = options->count;
    seen.operand = in->operands[0];
    for (const char **more = in->operands + 1; *more != nullptr; more++) {
        seen.more.emplace_back(*more);
    }
    return 42;
}

const command kCommand = {
    "test it", 0,   "ID",  "Tests.", "More.\n", test_tables, sizeof(test_options),
    1,         Run, false, 0,        nullptr};

class Command : public ::testing::Test {
  protected:
    void SetUp() override {
        seen = Seen();
    }
    // Runs the command; output is kept in out_ and err_.
    int Call(std::vector<std::string> arguments, int more_operands = 0) {
        command called = kCommand;
        called.more_operands = more_operands;
        std::vector<char *> pointers;
        for (auto &argument : arguments) {
            pointers.push_back(argument.data());
        }
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        int code = command_run(&called, static_cast<int>(pointers.size()), pointers.data());
        out_ = testing::internal::GetCapturedStdout();
        err_ = testing::internal::GetCapturedStderr();
        return code;
    }
    std::string out_;
    std::string err_;
};

TEST_F(Command, GetsItsOptionsAndOperand) {
    EXPECT_EQ(
        42, Call({"--name", "n", "--quiet", "the-id", "--tag=a", "--tag", "b=c", "--count", "-5"}));
    EXPECT_EQ("", err_);
    EXPECT_TRUE(seen.quiet);
    EXPECT_EQ("n", seen.name);
    EXPECT_EQ((std::vector<std::string>{"a", "b=c"}), seen.tags);
    EXPECT_EQ(-5, seen.count);
    EXPECT_EQ("the-id", seen.operand);
}

TEST_F(Command, MayTakeMoreOperandsThanItNeeds) {
    EXPECT_EQ(42, Call({"--name=", "a"}, 2));
    EXPECT_EQ(0u, seen.more.size());
    EXPECT_EQ(42, Call({"a", "--name=", "b", "c"}, 2));
    EXPECT_EQ((std::vector<std::string>{"b", "c"}), seen.more);
    EXPECT_EQ(2, Call({"a", "--name=", "b", "c", "d"}, 2));
    EXPECT_NE(std::string::npos, err_.find("\"d\" is one argument too many")) << err_;
    EXPECT_EQ(2, Call({"--name="}, 2));
}

TEST_F(Command, TakesDashesAsOperandsBehindTwoDashes) {
    EXPECT_EQ(42, Call({"--name=", "--", "--quiet"}));
    EXPECT_FALSE(seen.quiet);
    EXPECT_EQ("", seen.name);
    EXPECT_EQ("--quiet", seen.operand);
}

TEST_F(Command, TakesOneDashAsAnOperand) {
    EXPECT_EQ(42, Call({"-", "--name", "n"}));
    EXPECT_EQ("-", seen.operand);
}

TEST_F(Command, PrintsHelpInsteadOfRunning) {
    EXPECT_EQ(EXIT_CODE_OK, Call({"--nonsense", "--help"}));
    EXPECT_EQ(0, seen.runs);
    for (const char *text : {"usage: runsctl test it ID [options]", "More.", "--name NAME",
                             "(required)", "(repeatable)", "Exit codes:"}) {
        EXPECT_NE(std::string::npos, out_.find(text)) << text;
    }
}

struct Wrong {
    const char *name;
    std::vector<std::string> arguments;
    const char *fragment;
};

class WrongUsage : public Command, public ::testing::WithParamInterface<Wrong> {};

TEST_P(WrongUsage, IsToldInOneLine) {
    EXPECT_EQ(EXIT_CODE_USAGE, Call(GetParam().arguments));
    EXPECT_EQ(0, seen.runs);
    EXPECT_EQ("", out_);
    EXPECT_EQ(1, std::count(err_.begin(), err_.end(), '\n')) << err_;
    EXPECT_NE(std::string::npos, err_.find(GetParam().fragment)) << err_;
    EXPECT_NE(std::string::npos, err_.find("; see runsctl test it --help\n")) << err_;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, WrongUsage,
    ::testing::Values(Wrong{"no_operand", {"--name", "n"}, "ID is missing"},
                      Wrong{"two_operands", {"a", "b", "--name", "n"}, "\"b\" is one argument"},
                      Wrong{"required_missing", {"a"}, "--name NAME is missing"},
                      Wrong{"unknown", {"a", "--nam=n"}, "no option --nam (did you mean --name?)"},
                      Wrong{"far", {"a", "--xyz=n"}, "no option --xyz; see"},
                      Wrong{"prefix", {"a", "--names", "n"}, "no option --names"},
                      Wrong{"short", {"a", "-q"}, "no option -q"},
                      Wrong{"no_value", {"a", "--name"}, "--name needs a value: NAME"},
                      Wrong{"twice", {"a", "--name=n", "--name=m"}, "--name is given twice"},
                      Wrong{"flag_value", {"a", "--quiet=1"}, "--quiet takes no value"},
                      Wrong{"word", {"a", "--count=x"}, "\"x\" is no integer from -5 to 10"},
                      Wrong{"empty", {"a", "--count="}, "\"\" is no integer"},
                      Wrong{"space", {"a", "--count= 1"}, "\" 1\" is no integer"},
                      Wrong{"fraction", {"a", "--count=1.0"}, "\"1.0\" is no integer"},
                      Wrong{"below", {"a", "--count=-6"}, "from -5 to 10"},
                      Wrong{"above", {"a", "--count=11"}, "from -5 to 10"},
                      Wrong{"huge", {"a", "--count=99999999999999999999"}, "from -5 to 10"},
                      Wrong{"control", {"a", "\x1b[2J"}, "\\x1B[2J"}),
    [](const auto &row) { return row.param.name; });

} // namespace
