extern "C" {
#include "ctl/exit_code.h"
}

#include <gtest/gtest.h>

namespace {

class ExitCode : public ::testing::Test {
  protected:
    void SetUp() override {
        arena_init(&arena_);
    }
    void TearDown() override {
        arena_release(&arena_);
    }
    arena arena_;
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

TEST_F(ExitCode, ALimitIsABusyServerAndAQuotaAConflict) {
    EXPECT_EQ(EXIT_CODE_UNAVAILABLE, exit_code_of(error_new(&arena_, STATUS_RESOURCE_EXHAUSTED,
                                                            REASON_RATE_LIMITED, "x")));
    EXPECT_EQ(EXIT_CODE_CONFLICT, exit_code_of(error_new(&arena_, STATUS_RESOURCE_EXHAUSTED,
                                                         REASON_QUOTA_EXCEEDED, "x")));
}

} // namespace
