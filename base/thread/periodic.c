#include "base/thread/periodic.h"

#include "base/core/clock.h"
#include "base/thread/condition.h"
#include "base/thread/thread.h"

// Waits for pause_us, or less if it is to stop, or is woken where that counts. Returns whether it
// goes on.
static bool wait_for(struct periodic *p, int64_t pause_us, bool can_be_woken) {
    int64_t end_us = clock_monotonic_us() + pause_us;
    pthread_mutex_lock(&p->mutex);
    while (!p->is_stopping && !(can_be_woken && p->is_woken) &&
           condition_wait(&p->changed, &p->mutex, end_us)) {
    }
    if (can_be_woken) {
        p->is_woken = false;
    }
    bool goes_on = !p->is_stopping;
    pthread_mutex_unlock(&p->mutex);
    return goes_on;
}

static void *body(void *context) {
    struct periodic *p = context;
    while (wait_for(p, p->interval_us, true)) {
        p->turn(p->context);
    }
    return NULL;
}

void periodic_start(struct periodic *p, const char *name, int64_t interval_ms,
                    void (*turn)(void *context), void *context) {
    *p = (struct periodic){
        .interval_us = interval_ms * INT64_C(1000), .turn = turn, .context = context};
    pthread_mutex_init(&p->mutex, NULL);
    condition_init(&p->changed);
    p->thread = thread_start(name, body, p);
}

void periodic_wake(struct periodic *p) {
    pthread_mutex_lock(&p->mutex);
    p->is_woken = true;
    pthread_mutex_unlock(&p->mutex);
    pthread_cond_signal(&p->changed);
}

bool periodic_is_stopping(struct periodic *p) {
    pthread_mutex_lock(&p->mutex);
    bool is_stopping = p->is_stopping;
    pthread_mutex_unlock(&p->mutex);
    return is_stopping;
}

bool periodic_pause(struct periodic *p, int64_t pause_us) {
    return wait_for(p, pause_us, false);
}

void periodic_stop(struct periodic *p) {
    pthread_mutex_lock(&p->mutex);
    p->is_stopping = true;
    pthread_mutex_unlock(&p->mutex);
    pthread_cond_signal(&p->changed);
    thread_join(p->thread);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->mutex);
}
