#include "base/thread/thread.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/core/check.h"

enum { NAME_SIZE = 16 }; // of Linux, with the NUL: pthread_setname_np(3)

// If the signal of a fault is blocked, the kernel ends the process without calling its
// handler (sigprocmask(2), notes), so these stay unblocked.
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

static void block_signals(sigset_t *ret_before) {
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        sigdelset(&blocked, faults[i]);
    }
    pthread_sigmask(SIG_SETMASK, &blocked, ret_before);
}

bool thread_try_start(const char *name, void *(*body)(void *context), void *context,
                      pthread_t *ret_thread) {
    sigset_t before;
    block_signals(&before); // a new thread inherits its creator's mask
    pthread_t thread;
    bool is_started = pthread_create(&thread, NULL, body, context) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (is_started) {
        char short_name[NAME_SIZE];
        snprintf(short_name, sizeof(short_name), "%s", name);
        pthread_setname_np(thread, short_name);
        *ret_thread = thread;
    }
    return is_started;
}

pthread_t thread_start(const char *name, void *(*body)(void *context), void *context) {
    pthread_t thread;
    CHECK(thread_try_start(name, body, context, &thread));
    return thread;
}

void thread_join(pthread_t thread) {
    CHECK(pthread_join(thread, NULL) == 0);
}

void thread_pause(int64_t pause_us) {
    const struct timespec time = {.tv_nsec = (long)pause_us * 1000};
    nanosleep(&time, NULL);
}
