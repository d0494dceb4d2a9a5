#ifndef RUNSD_BASE_THREAD_PERIODIC_H
#define RUNSD_BASE_THREAD_PERIODIC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

// A thread that does the same again and again, with a pause before each turn, until it is stopped.
// Its owner keeps the struct where it is while the thread runs.
struct periodic {
    pthread_t thread;
    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t changed;
    bool is_stopping;
    bool is_woken;
    // Fixed by the start.
    int64_t interval_us;
    void (*turn)(void *context);
    void *context;
};

// Starts the thread of that name (thread_start), which calls turn(context) after interval_ms, and
// again interval_ms after each turn's end. periodic_wake has it begin at once.
void periodic_start(struct periodic *p, const char *name, int64_t interval_ms,
                    void (*turn)(void *context), void *context);

// Has the next turn begin without a pause: the one after the turn that runs now. Thread safe.
void periodic_wake(struct periodic *p);

// Whether the thread is to stop: a long turn asks, and returns early. Thread safe.
bool periodic_is_stopping(struct periodic *p);

// Of a turn, on the thread: waits for pause_us. Returns false at once where it is to stop.
bool periodic_pause(struct periodic *p, int64_t pause_us);

// Waits for the end of the turn that runs, and ends the thread. Once for each start.
void periodic_stop(struct periodic *p);

#endif
