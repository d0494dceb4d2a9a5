#ifndef RUNSD_BASE_NET_LISTENER_GUARD_H
#define RUNSD_BASE_NET_LISTENER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log/log.h"

// Notices that nobody accepts at a listener any more although clients wait, which ends
// the process: a supervisor's restart helps, and nothing else would.

// What a look at a listener tells.
struct listener_look {
    bool is_closed;    // the socket listens no more
    bool is_file_lost; // of a unix socket, which is then as good as closed
    bool client_waits; // to be accepted
    bool is_full;      // who waits is left waiting on purpose: a limit is reached
    uint64_t accepted; // so far
};

// Fills in is_closed and client_waits of the listening socket fd. Waits for nothing.
void listener_look_at_socket(int fd, struct listener_look *ret_look);

// What is remembered of a listener from look to look; starts as all 0.
struct listener_hearing {
    uint64_t accepted;
    int deaf_looks; // one after the other
};

// How many looks in turn must have seen somebody wait and nobody accepted. A process that
// was stopped meanwhile, or had no CPU, has not looked either.
enum { LISTENER_DEAF_LOOKS = 6 };

// Takes a look into account; returns whether the listener is deaf.
bool listener_hearing_update(struct listener_hearing *hearing, const struct listener_look *look);

// One listener, of whoever added it.
struct guarded_listener {
    const char *what;    // "gRPC"; a constant
    const char *address; // for the log
    // Called on the guard's thread; must not block.
    void (*look)(void *context, struct listener_look *ret_look);
    void *context;
    // The guard's own.
    struct guarded_listener *next;
    struct listener_hearing hearing;
};

struct listener_guard_options {
    const struct logger *log;
    int64_t look_ms; // between two looks; 0: 2,000
    // Called once, on the guard's thread, when a listener is deaf: must have the process
    // stop and must not wait for it.
    void (*on_deaf)(void *context);
    void *context;
    // How long that stop may take. Then the guard ends the process by itself, with status
    // 1: what is stuck may be what the stop waits for.
    int64_t stop_ms;
};

struct listener_guard;

// Starts the guard and its thread.
struct listener_guard *listener_guard_new(const struct listener_guard_options *options);

// Has the listener looked at from now on; it is borrowed until it is removed. Thread safe.
void listener_guard_add(struct listener_guard *guard, struct guarded_listener *listener);

// When it returns, the listener is not looked at any more. Thread safe. One that was not
// added is ignored.
void listener_guard_remove(struct listener_guard *guard, struct guarded_listener *listener);

// Stops the thread. All listeners must have been removed. NULL is ignored.
void listener_guard_free(struct listener_guard *guard);

#endif
