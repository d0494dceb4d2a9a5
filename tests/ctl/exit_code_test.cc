extern "C" {
#include "ctl/exit_code.h"
}

#include <gtest/gtest.h>
#include <string>

namespace {

class ExitCode : public ::testing::Test {
  protected:
    void SetUp() override {
        arena_init(&arena_);
    }
    void TearDown() override {
        arena_release(&arena_);
    }
    std::string Line(const error *e, const char *hint) {
        testing::internal::CaptureStderr();
        code_ = exit_with_error(e, hint);
        return testing::internal::GetCapturedStderr();
    }
    arena arena_;
    int code_ = -1;
};

TEST_F(ExitCode, IsZeroForNoError) {
    EXPECT_EQ(EXIT_CODE_OK, exit_code_of(nullptr));
}

TEST_F(ExitCode, TellsEachKindOfErrorApart) {
    const exit_code expected[STATUS_CODE_COUNT] = {
        EXIT_CODE_FAILED,      // OK as an error
        EXIT_CODE_FAILED,      // CANCELLED
        EXIT_CODE_FAILED,      // UNKNOWN
        EXIT_CODE_USAGE,       // INVALID_ARGUMENT
        EXIT_CODE_UNAVAILABLE, // DEADLINE_EXCEEDED
        EXIT_CODE_NOT_FOUND,   // NOT_FOUND
        EXIT_CODE_CONFLICT,    // ALREADY_EXISTS
        EXIT_CODE_DENIED,      // PERMISSION_DENIED
        EXIT_CODE_UNAVAILABLE, // RESOURCE_EXHAUSTED
        EXIT_CODE_CONFLICT,    // FAILED_PRECONDITION
        EXIT_CODE_CONFLICT,    // ABORTED
        EXIT_CODE_USAGE,       // OUT_OF_RANGE
        EXIT_CODE_FAILED,      // UNIMPLEMENTED
        EXIT_CODE_FAILED,      // INTERNAL
        EXIT_CODE_UNAVAILABLE, // UNAVAILABLE
        EXIT_CODE_FAILED,      // DATA_LOSS
        EXIT_CODE_DENIED,      // UNAUTHENTICATED
    };
    for (int code = 0; code < STATUS_CODE_COUNT; code++) {
        const error *e = error_new(&arena_, static_cast<status_code>(code), REASON_NONE, "x");
        EXPECT_EQ(expected[code], exit_code_of(e)) << status_code_name(code);
    }
}

TEST_F(ExitCode, ComesWithOneLineThatHasEverything) {
    error *e = error_new(&arena_, STATUS_INVALID_ARGUMENT, REASON_NONE, "the run is refused");
    error_add_violation(e, &arena_, "run.id", "is too long");
    error_add_metadata(e, &arena_, "limit", "128");
    EXPECT_EQ("runsctl: the run is refused; run.id: is too long; limit: 128; do better\n",
              Line(e, "do better"));
    EXPECT_EQ(EXIT_CODE_USAGE, code_);
}

TEST_F(ExitCode, DoesNotRepeatAViolationThatIsTheMessage) {
    error *e = error_new(&arena_, STATUS_INVALID_ARGUMENT, REASON_NONE, "run.id is too long");
    error_add_violation(e, &arena_, "run.id", "is too long");
    EXPECT_EQ("runsctl: run.id is too long\n", Line(e, nullptr));
}

TEST_F(ExitCode, SaysWhatToDoByItself) {
    const error *e = error_new(&arena_, STATUS_UNAVAILABLE, REASON_NONE, "nobody is there");
    EXPECT_NE(std::string::npos, Line(e, nullptr).find("--server"));
    e = error_new(&arena_, STATUS_UNAUTHENTICATED, REASON_NONE, "who are you");
    EXPECT_NE(std::string::npos, Line(e, nullptr).find("--token-file"));
}

TEST_F(ExitCode, KnowsWhatToDoAboutReasons) {
    const error *e = error_new(&arena_, STATUS_NOT_FOUND, REASON_RUN_NOT_FOUND, "no such run");
    EXPECT_NE(std::string::npos, Line(e, nullptr).find("runsctl runs list"));
    error *other = error_new(&arena_, STATUS_NOT_FOUND, REASON_NONE, "no such thing");
    other->reason = "ANOTHER_REASON";
    EXPECT_EQ("runsctl: no such thing\n", Line(other, nullptr));
}

TEST_F(ExitCode, MakesOneSentenceOfMessageAndHint) {
    const error *e = error_new(&arena_, STATUS_UNKNOWN, REASON_NONE, "This is a sentence.");
    EXPECT_EQ("runsctl: This is a sentence; act\n", Line(e, "act"));
    e = error_new(&arena_, STATUS_UNKNOWN, REASON_NONE, "%s", "");
    EXPECT_EQ("runsctl: \n", Line(e, nullptr));
}

TEST_F(ExitCode, KeepsTheLineOneLine) {
    const error *e = error_new(&arena_, STATUS_UNKNOWN, REASON_NONE, "two\nlines");
    EXPECT_EQ("runsctl: two\\x0Alines\n", Line(e, nullptr));
}

} // namespace
