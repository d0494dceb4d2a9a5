#ifndef RUNSD_BASE_THREAD_THREAD_H
#define RUNSD_BASE_THREAD_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

// The product's threads. All are started here, so that each has a name and none receives a
// signal that is sent to the process: main waits for those by sigwait or signalfd.

// Starts a thread that runs body(context). Its name, as ps -L and /proc show it, is the
// first 15 bytes of name. All signals are blocked in it but those that its own faults
// raise (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT), whose handlers must
// run on the thread that failed (base/log/log_crash.h). Aborts if there can be no thread,
// as if there were no memory.
pthread_t thread_start(const char *name, void *(*body)(void *context), void *context);

// The same for a caller that can do without: returns false, and *ret_thread untouched, if
// the system has no thread left.
bool thread_try_start(const char *name, void *(*body)(void *context), void *context,
                      pthread_t *ret_thread);

// Waits until the thread has returned from its body. Once for each thread, and not on
// itself.
void thread_join(pthread_t thread);

// Has the calling thread do nothing for pause_us, below a second. For what is tried again; who
// waits for something has a condition (base/thread/condition.h).
void thread_pause(int64_t pause_us);

#endif
