// CHECK ends the process in every build, and says where.

extern "C" {
#include "base/core/arena.h"
#include "base/core/check.h"
}

#include <chrono>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

extern "C" int assert_of_c_aborts(int value);

namespace {

using testing::KilledBySignal;

TEST(Check, GoesOnWhereItHoldsAndEvaluatesOnce) {
    int count = 0;
    CHECK(++count == 1);
    EXPECT_EQ(count, 1);
}

TEST(Check, EndsTheProcessAndSaysWhere) {
    EXPECT_EXIT(CHECK(1 + 1 == 3), KilledBySignal(SIGABRT),
                R"(^\{"time":"20[0-9T:.-]+Z","level":"error","program":"check_test",)"
                R"("message":"check failed","file":"tests/base/check_test.cc",)"
                R"("condition":"1 \+ 1 == 3","line":[0-9]+\})"
                "\n$");
}

TEST(Check, FailsWithItsReason) {
    EXPECT_EXIT(CHECK_FAIL("no such kind"), KilledBySignal(SIGABRT),
                R"("condition":"no such kind","line":[0-9]+\})"
                "\n$");
}

TEST(Check, EscapesWhatJsonDoes) {
    const std::string text = "a";
    EXPECT_EXIT(CHECK(text == "\"\\"), KilledBySignal(SIGABRT),
                R"re("condition":"text == \\"\\\\\\"\\\\\\\\\\"","line")re");
}

TEST(Check, CutsWhatIsTooLong) {
    const std::string text(5000, 'x');
    EXPECT_EXIT(CHECK_FAIL(text.c_str()), KilledBySignal(SIGABRT),
                R"(xx\[cut\]","line":[0-9]+\})"
                "\n$");
}

TEST(Check, EndsTheProcessThoughNobodyReadsItsLine) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], "x", 1) == 1) {
    }
    fcntl(ends[1], F_SETFL, 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        CHECK_FAIL("nobody hears it");
    }
    // A generous limit: a write that blocks never ends.
    int status = 0;
    pid_t ended = 0;
    for (int i = 0; i < 3000 && ended == 0; i++) {
        ended = waitpid(child, &status, WNOHANG);
        usleep(10'000);
    }
    if (ended == 0) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    ASSERT_EQ(ended, child) << "it waits for its reader";
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
    close(ends[0]);
    close(ends[1]);
}

TEST(Check, IsOnInTheProduct) {
    arena a;
    arena_init(&a);
    EXPECT_EXIT(arena_alloc(&a, SIZE_MAX), KilledBySignal(SIGABRT),
                R"("file":"base/core/arena.c","condition":"n <= SIZE_MAX / 2")");
    arena_release(&a);
}

// assert of <assert.h> in C, compiled as the product is: -DNDEBUG would take it away.
TEST(Check, SoIsAssert) {
    EXPECT_EQ(assert_of_c_aborts(1), 1);
    EXPECT_EXIT(assert_of_c_aborts(0), KilledBySignal(SIGABRT), "value == 1");
}

} // namespace
