#include "base/process/watchdog.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/core/clock.h"
#include "base/core/memory.h"
#include "base/process/service_manager.h"
#include "base/thread/periodic.h"

// How often it is asked within the manager's time: a thread that gets the processor late is not
// dead.
enum { ASKS = 4 };

struct watchdog {
    const struct logger *log;
    int64_t period_us; // the manager's; 0: it does not ask
    struct periodic periodic;
    pthread_mutex_t mutex; // guards what follows
    struct watchdog_loop *loops;
    bool is_stopping;
};

void watchdog_answer(struct watchdog_loop *loop) {
    __atomic_store_n(&loop->is_asked, false, __ATOMIC_RELEASE);
}

// Whether the loop has answered; logs once that it does not.
static bool has_answered(const struct watchdog *w, struct watchdog_loop *loop, int64_t now_us) {
    if (!__atomic_load_n(&loop->is_asked, __ATOMIC_ACQUIRE)) {
        loop->is_logged = false;
        return true;
    }
    if (!loop->is_logged && now_us - loop->asked_us >= w->period_us / 2) {
        loop->is_logged = true;
        LOG(w->log, LOG_ERROR,
            "a loop does not answer: the service manager is not told that the program is alive",
            log_text("loop", loop->name), log_int("waitedMs", (now_us - loop->asked_us) / 1000),
            log_int("watchdogMs", w->period_us / 1000));
    }
    return false;
}

// Whether all have answered, which are then asked again. The mutex is held.
static bool ask_all(struct watchdog *w) {
    int64_t now_us = clock_monotonic_us();
    bool all_answered = true;
    for (struct watchdog_loop *loop = w->loops; loop != NULL; loop = loop->next) {
        if (!has_answered(w, loop, now_us)) {
            all_answered = false;
            continue;
        }
        loop->asked_us = now_us;
        __atomic_store_n(&loop->is_asked, true, __ATOMIC_RELEASE);
        loop->ask(loop);
    }
    return all_answered;
}

static void turn(void *context) {
    struct watchdog *w = context;
    pthread_mutex_lock(&w->mutex);
    bool is_alive = w->is_stopping || ask_all(w);
    pthread_mutex_unlock(&w->mutex);
    if (is_alive) {
        service_manager_alive();
    }
}

struct watchdog *watchdog_start(const struct logger *log) {
    struct watchdog *w = mem_zalloc(sizeof(*w));
    w->log = log;
    w->period_us = service_manager_watchdog_us();
    pthread_mutex_init(&w->mutex, NULL);
    if (w->period_us > 0) {
        int64_t interval_ms = w->period_us / ASKS / 1000;
        periodic_start(&w->periodic, "watchdog", interval_ms > 0 ? interval_ms : 1, turn, w);
    }
    return w;
}

void watchdog_add(struct watchdog *w, struct watchdog_loop *loop) {
    loop->is_asked = false;
    loop->is_logged = false;
    pthread_mutex_lock(&w->mutex);
    loop->next = w->loops;
    w->loops = loop;
    pthread_mutex_unlock(&w->mutex);
}

void watchdog_stop_asking(struct watchdog *w) {
    pthread_mutex_lock(&w->mutex);
    w->is_stopping = true;
    pthread_mutex_unlock(&w->mutex);
}

void watchdog_free(struct watchdog *w) {
    if (w == NULL) {
        return;
    }
    if (w->period_us > 0) {
        periodic_stop(&w->periodic);
    }
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
