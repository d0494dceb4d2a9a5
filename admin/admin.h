#ifndef RUNSD_ADMIN_ADMIN_H
#define RUNSD_ADMIN_ADMIN_H

#include "admin/admin_check.h"
#include "base/core/arena.h"
#include "base/core/build_info.h"
#include "base/core/error.h"
#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "base/net/address.h"
#include "base/net/listener_guard.h"

// The listener for those who run a program, apart from the public ones: GET and HEAD of /metrics,
// /healthz, /readyz and /version over HTTP/1.1, on a thread of its own, so that it answers while
// the program is busy. It asks nobody who they are and speaks no TLS: who can reach it can read it.
//
// Clients that are slow are closed, and no more than ADMIN_CONNECTIONS are served at once; others
// wait.
//
// NULL stands for the listener of a program that has none: everything here takes it and does
// nothing.

enum { ADMIN_CONNECTIONS = 16 };

struct admin_options {
    const struct logger *log;
    const char *program;     // "runsd"
    struct address listen;   // without a text: there is to be no listener
    struct metrics *metrics; // borrowed until admin_stop
    // Of the program, for /version (command_line's).
    void (*add_libraries)(struct build_libraries *libraries);
    struct listener_guard *guard; // looks at the listener until admin_stop; may be NULL
};

struct admin;

// Listens and answers; the stage is ADMIN_STARTING. Logs where it listens, with a warning if other
// machines can reach it. UNAVAILABLE, in a, if it cannot listen. *ret_admin is NULL if there is to
// be none.
const struct error *admin_start(struct arena *a, const struct admin_options *options,
                                struct admin **ret_admin);

// Thread safe.
void admin_set_stage(struct admin *admin, enum admin_stage stage);

// Adds a check behind the others; the struct is copied. Thread safe.
void admin_add_check(struct admin *admin, const struct admin_check *check);

// Removes all checks of context: none of them runs once this returns. Thread safe.
void admin_remove_checks(struct admin *admin, void *context);

// The TCP port; 0 for a unix socket.
int admin_port(const struct admin *admin);

// Closes the listener and all its connections.
void admin_stop(struct admin *admin);

#endif
