extern "C" {
#include "ctl/command_error.h"
#include "ctl/exit_code.h"
}

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <utility>

namespace {

class CommandError : public ::testing::Test {
  protected:
    void SetUp() override {
        arena_init(&arena_);
    }
    void TearDown() override {
        arena_release(&arena_);
    }
    std::string Line(const error *e, const char *hint) {
        testing::internal::CaptureStderr();
        code_ = command_error(&in_, e, hint);
        return testing::internal::GetCapturedStderr();
    }
    invocation Invocation() {
        invocation in = {};
        in.arena = &arena_;
        in.command = &command_;
        in.request_id = request_id_;
        in.json = false;
        return in;
    }
    arena arena_;
    command command_{};
    char request_id_[40] = "";
    invocation in_ = Invocation();
    int code_ = -1;
};

TEST_F(CommandError, ComesWithOneLineThatHasEverything) {
    error *e = error_new(&arena_, STATUS_INVALID_ARGUMENT, REASON_NONE, "the run is refused");
    error_add_violation(e, &arena_, "run.id", "is too long");
    error_add_metadata(e, &arena_, "limit", "128");
    EXPECT_EQ("runsctl: the run is refused; run.id: is too long; limit: 128; do better\n",
              Line(e, "do better"));
    EXPECT_EQ(EXIT_CODE_USAGE, code_);
}

TEST_F(CommandError, DoesNotRepeatAViolationThatIsTheMessage) {
    error *e = error_new(&arena_, STATUS_INVALID_ARGUMENT, REASON_NONE, "run.id is too long");
    error_add_violation(e, &arena_, "run.id", "is too long");
    EXPECT_EQ("runsctl: run.id is too long\n", Line(e, nullptr));
}

TEST_F(CommandError, SaysWhatToDoByItself) {
    const error *e = error_new(&arena_, STATUS_UNAVAILABLE, REASON_NONE, "nobody is there");
    EXPECT_NE(std::string::npos, Line(e, nullptr).find("--server"));
    e = error_new(&arena_, STATUS_UNAUTHENTICATED, REASON_NONE, "who are you");
    EXPECT_NE(std::string::npos, Line(e, nullptr).find("--token-file"));
}

TEST_F(CommandError, KnowsWhatToDoAboutReasons) {
    const error *e = error_new(&arena_, STATUS_NOT_FOUND, REASON_RUN_NOT_FOUND, "no such run");
    EXPECT_NE(std::string::npos, Line(e, nullptr).find("runsctl runs list"));
    error *other = error_new(&arena_, STATUS_NOT_FOUND, REASON_NONE, "no such thing");
    other->reason = "ANOTHER_REASON";
    EXPECT_EQ("runsctl: no such thing\n", Line(other, nullptr));
}

TEST_F(CommandError, DoesNotSayWhenToTryAgainTwice) {
    error *e = error_new(&arena_, STATUS_RESOURCE_EXHAUSTED, REASON_RATE_LIMITED,
                         "it is used up; try again in 98 ms");
    EXPECT_EQ("runsctl: it is used up; try again in 98 ms\n", Line(e, nullptr));
    e = error_new(&arena_, STATUS_RESOURCE_EXHAUSTED, REASON_QUEUE_FULL, "it is full");
    EXPECT_EQ("runsctl: it is full; try again in a moment\n", Line(e, nullptr));
}

TEST_F(CommandError, SaysWhatMakesRoomInAQuota) {
    error *e = error_new(&arena_, STATUS_RESOURCE_EXHAUSTED, REASON_QUOTA_EXCEEDED, "no openRuns");
    error_add_metadata(e, &arena_, "quota", "openRuns");
    EXPECT_EQ("runsctl: no openRuns; there is room again when runs end\n", Line(e, nullptr));
    e = error_new(&arena_, STATUS_RESOURCE_EXHAUSTED, REASON_QUOTA_EXCEEDED, "no storedBytes");
    error_add_metadata(e, &arena_, "quota", "storedBytes");
    EXPECT_EQ("runsctl: no storedBytes; there is room again when runs are deleted\n",
              Line(e, nullptr));
}

TEST_F(CommandError, DoesNotDoubtAServerThatAnsweredOfItsStore) {
    for (auto [reason, what] : {std::pair{REASON_STORE_LOCKED, "lsof"},
                                {REASON_STORE_FROZEN, "runsctl store thaw"},
                                std::pair{REASON_DISK_FULL, "room on that disk"},
                                {REASON_STORE_UNREACHABLE, "--require-replicas"}}) {
        const error *e = error_new(&arena_, STATUS_UNAVAILABLE, reason, "it takes no changes");
        std::string line = Line(e, nullptr);
        EXPECT_NE(std::string::npos, line.find(what)) << line;
        EXPECT_EQ(std::string::npos, line.find("--server")) << line;
    }
}

TEST_F(CommandError, MakesOneSentenceOfMessageAndHint) {
    const error *e = error_new(&arena_, STATUS_UNKNOWN, REASON_NONE, "This is a sentence.");
    EXPECT_EQ("runsctl: This is a sentence; act\n", Line(e, "act"));
    e = error_new(&arena_, STATUS_UNKNOWN, REASON_NONE, "%s", "");
    EXPECT_EQ("runsctl: \n", Line(e, nullptr));
}

TEST_F(CommandError, KeepsTheLineOneLine) {
    const error *e = error_new(&arena_, STATUS_UNKNOWN, REASON_NONE, "two\nlines");
    EXPECT_EQ("runsctl: two\\x0Alines\n", Line(e, nullptr));
}

TEST_F(CommandError, DoesNotRepeatWhatTheMessageSays) {
    error *e = error_new(&arena_, STATUS_FAILED_PRECONDITION, REASON_NONE,
                         "the run \"r\" is already finished: its status is cancelled");
    error_add_metadata(e, &arena_, "status", "cancelled");
    error_add_metadata(e, &arena_, "finishedAt", "2026-01-01T00:00:00Z");
    error_add_metadata(e, &arena_, "part", "cancel"); // of a word only
    EXPECT_EQ("runsctl: the run \"r\" is already finished: its status is cancelled; finishedAt: "
              "2026-01-01T00:00:00Z; part: cancel; act\n",
              Line(e, "act"));
}

TEST_F(CommandError, NamesTheRequestWhereTheLogHasMore) {
    const error *e = error_new(&arena_, STATUS_INTERNAL, REASON_NONE, "oh");
    EXPECT_EQ("runsctl: oh; the server's log says more\n", Line(e, nullptr));
    strcpy(request_id_, "the-id");
    EXPECT_EQ("runsctl: oh; the server's log says more of request the-id\n", Line(e, nullptr));
}

TEST_F(CommandError, IsJsonForACommandThatPrintsJson) {
    in_.json = true;
    strcpy(request_id_, "the-id");
    error *e = error_new(&arena_, STATUS_FAILED_PRECONDITION, REASON_RUN_ALREADY_FINISHED,
                         "it is \"over\"");
    error_add_metadata(e, &arena_, "status", "cancelled");
    error_add_metadata(e, &arena_, "finishedAt", "then");
    EXPECT_EQ(R"({"code":409,"message":"it is \"over\"","requestId":"the-id","error":{)"
              R"("status":"FAILED_PRECONDITION","reason":"RUN_ALREADY_FINISHED","metadata":{)"
              R"("status":"cancelled","finishedAt":"then"}},)"
              R"("hint":"runsctl runs events shows who ended it"})"
              "\n",
              Line(e, nullptr));
    EXPECT_EQ(EXIT_CODE_CONFLICT, code_);
    request_id_[0] = '\0';
    error *other = error_new(&arena_, STATUS_OUT_OF_RANGE, REASON_NONE, "far\n");
    error_add_violation(other, &arena_, "a", "b");
    error_add_violation(other, &arena_, "c", "d");
    EXPECT_EQ(R"({"code":400,"message":"far\n","requestId":"","error":{"status":"OUT_OF_RANGE",)"
              R"("reason":"","metadata":{},"fieldViolations":[{"field":"a","description":"b"},)"
              R"({"field":"c","description":"d"}]}})"
              "\n",
              Line(other, nullptr));
}

TEST_F(CommandError, StaysJsonWhateverItHolds) {
    in_.json = true;
    const error *e =
        error_new(&arena_, STATUS_NOT_FOUND, REASON_NONE, "\x1b[2J \x7f \xc2\x9b \xff \xc3\xa4");
    EXPECT_EQ("{\"code\":404,\"message\":\"\\u001b[2J \\u007f \\u009b \xef\xbf\xbd \xc3\xa4\","
              "\"requestId\":\"\",\"error\":{\"status\":\"NOT_FOUND\",\"reason\":\"\","
              "\"metadata\":{}}}\n",
              Line(e, nullptr));
}

TEST_F(CommandError, AdvisesAsTheCommandSaysWhereTheOutcomeIsNotKnown) {
    in_.unknown_hint = "cancel it again";
    for (reason r : {REASON_OUTCOME_UNKNOWN, REASON_STORE_UNAVAILABLE}) {
        const error *e = error_new(&arena_, STATUS_UNAVAILABLE, r, "it is not known");
        EXPECT_EQ("runsctl: it is not known; cancel it again\n", Line(e, nullptr));
    }
    const error *e = error_new(&arena_, STATUS_UNAVAILABLE, REASON_SERVER_STOPPING, "it stops");
    EXPECT_EQ(std::string::npos, Line(e, nullptr).find("cancel it again"));
}

} // namespace
