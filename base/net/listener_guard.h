#ifndef RUNSD_BASE_NET_LISTENER_GUARD_H
#define RUNSD_BASE_NET_LISTENER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log/log.h"

// Detects a listener at which clients wait but none is accepted any more ("deaf"), and ends
// the process: only a restart by its supervisor helps then.

// The state of a listener when it is checked.
struct listener_look {
    bool is_closed;    // the socket no longer listens
    bool is_file_lost; // of a unix socket, which is then as good as closed
    bool client_waits; // a connection waits to be accepted
    bool is_full;      // a limit is reached, so that clients wait on purpose
    uint64_t accepted; // connections accepted so far
};

// Fills in is_closed and client_waits of the listening socket fd. Does not block.
void listener_look_at_socket(int fd, struct listener_look *ret_look);

// The state kept of a listener between checks; starts as all 0.
struct listener_hearing {
    uint64_t accepted;
    int deaf_looks; // consecutive checks that found it deaf
};

// How many consecutive checks must find a client waiting and none accepted. While the
// process is stopped, or gets no CPU, there are no checks either.
enum { LISTENER_DEAF_LOOKS = 6 };

// Takes a check into account; returns whether the listener is deaf.
bool listener_hearing_update(struct listener_hearing *hearing, const struct listener_look *look);

// One listener; owned by the code that adds it.
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
    int64_t look_ms; // between two checks; 0: 2,000
    // Called once, on the guard's thread, when a listener is deaf: must begin the stop of
    // the process and must not wait for it.
    void (*on_deaf)(void *context);
    void *context;
    // How long that stop may take. Then the guard itself ends the process, with status 1:
    // the stop may wait for the very thread that is stuck.
    int64_t stop_ms;
};

struct listener_guard;

// Starts the guard and its thread.
struct listener_guard *listener_guard_new(const struct listener_guard_options *options);

// Gives a stop so much time from now on. Thread safe.
void listener_guard_set_stop_ms(struct listener_guard *guard, int64_t stop_ms);

// Checks the listener from now on; it is borrowed until it is removed. Thread safe.
void listener_guard_add(struct listener_guard *guard, struct guarded_listener *listener);

// Ends the checks of the listener: none runs once this returns. Thread safe. A listener
// that was not added is ignored.
void listener_guard_remove(struct listener_guard *guard, struct guarded_listener *listener);

// How many listeners were found deaf by each of the last two checks at least, though not often
// enough yet. Thread safe.
int listener_guard_doubts(struct listener_guard *guard);

// Stops the thread. All listeners must have been removed. NULL is ignored.
void listener_guard_free(struct listener_guard *guard);

#endif
