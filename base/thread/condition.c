#include "base/thread/condition.h"

#include <errno.h>
#include <time.h>

enum { US_PER_S = 1000000, NS_PER_US = 1000 };

void condition_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_us) {
    if (until_us == 0) {
        pthread_cond_wait(condition, mutex);
        return true;
    }
    const struct timespec until = {until_us / US_PER_S, until_us % US_PER_S * NS_PER_US};
    return pthread_cond_timedwait(condition, mutex, &until) != ETIMEDOUT;
}
