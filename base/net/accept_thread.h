#ifndef RUNSD_BASE_NET_ACCEPT_THREAD_H
#define RUNSD_BASE_NET_ACCEPT_THREAD_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/log/log.h"
#include "base/net/address.h"
#include "base/net/listener_guard.h"

// Accepts connections at any number of addresses on a thread of its own and hands them
// over, for a library whose own accepting is not robust. It survives every error of
// accept: without descriptors or memory it waits a moment and tries again.
//
// When max_connections have been open for 0.2 s, further connections are closed: a client
// that is refused tries elsewhere or later, while one that is left in the backlog waits
// for its time-out. A shorter time is no overload: the thread that closes connections may
// be behind.
//
// A unix socket's file is checked once a second. If it is gone or stale, it is made
// again; if another program's socket or another file has taken its place, that is logged
// once a minute, and the file is made again when the path is free.

struct accept_thread_options {
    const struct logger *log;
    const char *what;    // "gRPC", for the log; a constant
    const char *option;  // that sets max_connections, for the log; a constant
    int max_connections; // open at once, handed over and not closed yet
    int max_descriptor;  // a connection with this number or a greater one is closed
    // Takes ownership of connection, a non-blocking socket; listener is the socket that
    // accepted it, context the one given to accept_thread_listen with its address. Called
    // on the thread; must not block.
    void (*take)(void *context, int listener, int connection);
};

struct accept_thread;

// What a thread has accepted so far, at all its addresses.
struct accept_counts {
    int64_t accepted;         // those among them that were closed at once
    int64_t refused_full;     // closed, because as many were open as may be
    int64_t refused_shortage; // because the process has too few descriptors left
    int64_t open;             // handed over and not closed
};

struct accept_thread *accept_thread_new(const struct accept_thread_options *options);

// Adds an address to listen at; a host name means all its addresses. Call it before
// accept_thread_start. context is passed to take. *ret_port is the TCP port, 0 for a unix
// socket. Errors: those of listen_socket_open_all.
const struct error *accept_thread_listen(struct accept_thread *t, struct arena *a,
                                         const struct address *address, void *context,
                                         int *ret_port);

// Starts to accept. guard, unless NULL, checks all the listeners from now on; it must
// outlive accept_thread_stop.
void accept_thread_start(struct accept_thread *t, struct listener_guard *guard);

// Ends the thread and closes the listeners; the files of unix sockets are removed if they
// are still ours. When it returns, nothing is handed over any more. It may be called
// again.
void accept_thread_stop(struct accept_thread *t);

// Counts; asks the kernel for each open connection (0.1 us). Thread safe, also while it stops.
void accept_thread_count(struct accept_thread *t, struct accept_counts *ret);

// Stops it if need be. NULL is ignored.
void accept_thread_free(struct accept_thread *t);

#endif
