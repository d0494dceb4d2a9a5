extern "C" {
#include "base/core/clock.h"
#include "base/thread/condition.h"
#include "base/thread/thread.h"
}

#include <cstdlib>
#include <gtest/gtest.h>
#include <signal.h>
#include <string>
#include <unistd.h>

namespace {

// What a thread sees of itself.
struct Look {
    sigset_t mask;
    std::string name;
    // The creator names the thread, so it may look only once it was created.
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
};

void *LookAround(void *context) {
    Look *look = static_cast<Look *>(context);
    pthread_sigmask(SIG_SETMASK, nullptr, &look->mask);
    pthread_mutex_lock(&look->mutex);
    char name[16];
    pthread_getname_np(pthread_self(), name, sizeof(name));
    look->name = name;
    pthread_mutex_unlock(&look->mutex);
    return nullptr;
}

void RunLook(const char *name, Look *look) {
    pthread_mutex_lock(&look->mutex);
    pthread_t thread = thread_start(name, LookAround, look);
    pthread_mutex_unlock(&look->mutex);
    thread_join(thread);
}

TEST(Thread, HasItsName) {
    Look look;
    RunLook("fifteen-letters", &look);
    EXPECT_EQ(look.name, "fifteen-letters");
}

TEST(Thread, ALongNameIsCut) {
    Look look;
    RunLook("seventeen-letters", &look);
    EXPECT_EQ(look.name, "seventeen-lette");
}

TEST(Thread, TakesNoSignalOfTheProcess) {
    Look look;
    RunLook("mask", &look);
    for (int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM,
                       SIGPIPE, SIGXFSZ, SIGWINCH}) {
        EXPECT_EQ(sigismember(&look.mask, number), 1) << strsignal(number);
    }
}

TEST(Thread, TakesTheSignalsOfItsOwnFaults) {
    Look look;
    RunLook("mask", &look);
    for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) {
        EXPECT_EQ(sigismember(&look.mask, number), 0) << strsignal(number);
    }
}

TEST(Thread, WhoStartsItKeepsItsSignals) {
    sigset_t mine;
    sigset_t before;
    sigset_t after;
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &mine, &before);
    Look look;
    RunLook("mask", &look);
    pthread_sigmask(SIG_SETMASK, &before, &after);
    for (int number : {SIGUSR1, SIGTERM, SIGSEGV}) {
        EXPECT_EQ(sigismember(&after, number), number == SIGUSR1 ? 1 : 0) << strsignal(number);
    }
}

TEST(Thread, ItsFaultRunsTheHandler) {
    auto die = [] {
        // A handler that a sanitizer has installed gives way.
        signal(SIGSEGV, [](int) { _exit(7); });
        thread_join(thread_start(
            "fault",
            [](void *) -> void * {
                raise(SIGSEGV); // of this thread, as a fault's
                _exit(8);
            },
            nullptr));
        _exit(9);
    };
    EXPECT_EXIT(die(), ::testing::ExitedWithCode(7), "");
}

class Condition : public ::testing::Test {
  public:
    Condition() {
        condition_init(&condition_);
    }
    ~Condition() override {
        pthread_cond_destroy(&condition_);
    }
    pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition_;
    bool is_set_ = false;
};

TEST_F(Condition, AWaitEndsAtItsDeadlineAndNotBefore) {
    pthread_mutex_lock(&mutex_);
    int64_t until_us = clock_monotonic_us() + 20000;
    while (condition_wait(&condition_, &mutex_, until_us)) {
    }
    EXPECT_GE(clock_monotonic_us(), until_us);
    pthread_mutex_unlock(&mutex_);
}

TEST_F(Condition, ADeadlineThatHasPassedIsNotWaitedFor) {
    pthread_mutex_lock(&mutex_);
    EXPECT_FALSE(condition_wait(&condition_, &mutex_, 1));
    pthread_mutex_unlock(&mutex_);
}

TEST_F(Condition, ASignalEndsAWait) {
    for (bool has_deadline : {false, true}) {
        is_set_ = false;
        pthread_mutex_lock(&mutex_);
        pthread_t thread = thread_start(
            "signal",
            [](void *context) -> void * {
                Condition *self = static_cast<Condition *>(context);
                pthread_mutex_lock(&self->mutex_);
                self->is_set_ = true;
                pthread_cond_signal(&self->condition_);
                pthread_mutex_unlock(&self->mutex_);
                return nullptr;
            },
            this);
        int64_t until_us = has_deadline ? clock_monotonic_us() + 60000000 : 0;
        bool is_in_time = true;
        while (!is_set_ && is_in_time) {
            is_in_time = condition_wait(&condition_, &mutex_, until_us);
        }
        EXPECT_TRUE(is_set_);
        EXPECT_TRUE(is_in_time);
        pthread_mutex_unlock(&mutex_);
        thread_join(thread);
    }
}

} // namespace
