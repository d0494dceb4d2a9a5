#ifndef RUNSD_BASE_PROCESS_WATCHDOG_H
#define RUNSD_BASE_PROCESS_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log/log.h"

// Tells the service manager that the program is alive (WatchdogSec= of systemd.service(5)) for as
// long as its loops answer. Each is asked to answer from its own thread; while one has not, nothing
// is said, and the manager ends the process when its time is over. What loops wait for (a disk,
// another server) does not count: they never wait.
//
// Where no service manager asks, nothing is done.

// A loop; owned by the code that adds it, until watchdog_free.
struct watchdog_loop {
    const char *name; // for the log
    // Has watchdog_answer be called from the loop's own thread, soon. Must not block.
    void (*ask)(struct watchdog_loop *loop);
    // The watchdog's own.
    struct watchdog_loop *next;
    bool is_asked; // and has not answered; by __atomic alone, since tests in C++ include this
    int64_t asked_us;
    bool is_logged; // that it does not answer
};

struct watchdog;

// Starts the thread that asks; never NULL.
struct watchdog *watchdog_start(const struct logger *log);

// Asks the loop from now on. Thread safe.
void watchdog_add(struct watchdog *watchdog, struct watchdog_loop *loop);

// The loop answers what it was asked. Thread safe.
void watchdog_answer(struct watchdog_loop *loop);

// The program stops: no loop is asked once this returns, so that they can be freed; an answer may
// still come. The manager's limit for stops (TimeoutStopSec=) bounds what follows: until
// watchdog_free it is told that the program is alive.
void watchdog_stop_asking(struct watchdog *watchdog);

// Ends the thread. Behind the end of all loops. NULL is ignored.
void watchdog_free(struct watchdog *watchdog);

#endif
