#ifndef RUNSD_BASE_THREAD_CONDITION_H
#define RUNSD_BASE_THREAD_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

// POSIX condition variables whose waits end at an instant of clock_monotonic_us, so that
// a change of the time of day neither shortens nor lengthens them. They are signalled and
// destroyed as any other (pthread_cond_signal, pthread_cond_destroy).

void condition_init(pthread_cond_t *condition);

// Waits for a signal; the mutex is held. condition is one of condition_init. Returns false
// once until_us (clock_monotonic_us; 0: none) has passed, else true: also without a signal
// (pthread_cond_wait(3)), so the caller looks again at what it waits for.
bool condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_us);

#endif
