#include "storage/sqlite/thread.h"

#include <signal.h>

#include "base/core/check.h"

pthread_t thread_start(const char *name, void *(*body)(void *context), void *context) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, context) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_setname_np(thread, name);
    return thread;
}
