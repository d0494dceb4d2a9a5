#ifndef RUNSD_SERVER_DUTY_DUTY_H
#define RUNSD_SERVER_DUTY_DUTY_H

#include <stdbool.h>

#include "base/log/log.h"
#include "base/metrics/metrics.h"
#include "base/thread/periodic.h"

// Whether this process is on duty: the one, of all that serve a store, that does what is done once
// for all of them, as sweeps and jobs. Two may be for a moment: who works at something looks again
// from step to step, and each step is right whoever else takes it. Thread safe.

struct duty;

// Who wants to know, embedded in it.
struct duty_member {
    void (*changed)(void *context); // must not block, and must not join or leave
    void *context;
    struct duty_member *next; // of duty
};

// Nobody is on duty yet. log and metrics, which may be NULL, outlive it.
struct duty *duty_new(const struct logger *log, struct metrics *metrics);

// NULL is ignored.
void duty_free(struct duty *duty);

// As on_duty of struct run_store_options: each member is told within the call.
void duty_set(struct duty *duty, bool is_on);

// Others serve the store too: the log says from now on who is on duty.
void duty_share(struct duty *duty);

// NULL: there is nobody else, it is.
bool duty_is_on(struct duty *duty);

// Has member->changed called after each change from now on. A duty of NULL never changes.
void duty_join(struct duty *duty, struct duty_member *member);

// The same for a thread that works while this process is on duty: each change wakes it. It has
// started.
void duty_join_thread(struct duty *duty, struct duty_member *member, struct periodic *thread);

// Whether a turn of such a thread is to end early, or not to begin.
bool duty_is_over(struct duty *duty, struct periodic *thread);

// Ends what was joined; member->changed does not run any more. Of who has joined.
void duty_leave(struct duty *duty, struct duty_member *member);

#endif
