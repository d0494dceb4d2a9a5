extern "C" {
#include "ctl/interrupt.h"
}

#include <csignal>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

void SayLeft(void *) {
    EXPECT_EQ(4, write(STDERR_FILENO, "left", 4));
}

void DieOtherwise(void *) {
    _exit(9);
}

TEST(InterruptDeathTest, SaysSomethingAndEndsByTheSignal) {
    for (int number : {SIGINT, SIGTERM}) {
        EXPECT_EXIT(
            {
                interrupt_begin(SayLeft, nullptr);
                kill(getpid(), number);
                pause();
            },
            ::testing::KilledBySignal(number), "left");
    }
}

TEST(InterruptDeathTest, WaitsForWhatMustNotBeInterrupted) {
    EXPECT_EXIT(
        {
            interrupt *i = interrupt_begin(SayLeft, nullptr);
            interrupt_lock(i);
            kill(getpid(), SIGINT);
            EXPECT_EQ(5, write(STDERR_FILENO, "first", 5));
            interrupt_unlock(i);
            pause();
        },
        ::testing::KilledBySignal(SIGINT), "firstleft");
}

TEST(InterruptDeathTest, DoesNotWaitForEver) {
    EXPECT_EXIT(
        {
            interrupt_lock(interrupt_begin(DieOtherwise, nullptr));
            kill(getpid(), SIGTERM);
            pause();
        },
        ::testing::KilledBySignal(SIGTERM), "^$");
}

TEST(InterruptDeathTest, DoesNotWaitForEverForWhatItSays) {
    EXPECT_EXIT(
        {
            interrupt_begin([](void *) { pause(); }, nullptr);
            kill(getpid(), SIGINT);
            pause();
        },
        ::testing::KilledBySignal(SIGINT), "^$");
}

TEST(InterruptDeathTest, ASecondSignalDoesNotWaitAtAll) {
    EXPECT_EXIT(
        {
            interrupt_begin([](void *) { raise(SIGTERM); }, nullptr);
            kill(getpid(), SIGINT);
            pause();
        },
        ::testing::KilledBySignal(SIGTERM), "");
}

TEST(InterruptDeathTest, LeavesIgnoredSignalsAlone) {
    EXPECT_EXIT(
        {
            signal(SIGINT, SIG_IGN);
            interrupt *i = interrupt_begin(DieOtherwise, nullptr);
            kill(getpid(), SIGINT);
            interrupt_end(i);
            _exit(7);
        },
        ::testing::ExitedWithCode(7), "");
}

TEST(InterruptDeathTest, EndsWithoutASignal) {
    EXPECT_EXIT(
        {
            for (int n = 0; n < 100; n++) {
                interrupt_end(interrupt_begin(DieOtherwise, nullptr));
            }
            kill(getpid(), SIGINT); // as before
            pause();
        },
        ::testing::KilledBySignal(SIGINT), "");
}

} // namespace
