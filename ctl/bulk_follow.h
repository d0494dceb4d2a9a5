#ifndef RUNSD_CTL_BULK_FOLLOW_H
#define RUNSD_CTL_BULK_FOLLOW_H

#include "ctl/client_options.h"
#include "ctl/interrupt.h"
#include "ctl/progress.h"
#include "runs/v1/bulk.pb-c.h"

// A bulk cancel of which a command waits for the end: it is asked how far it is, again and again,
// and that is shown. What is asked with a key and what is interrupted is the same for all
// commands that do so.

// What is known of it when the command is interrupted.
enum bulk_phase {
    BULK_NOT_ASKED, // nothing was asked of a server that cancels a run
    BULK_PLANNED,   // there is a plan, and nobody else has its id: it is aborted
    BULK_ASKED,     // it was asked to cancel runs, and has not answered
    BULK_WORKING,   // it does
    BULK_OVER,      // it has ended
};

struct bulk_follow {
    const struct invocation *in;
    struct connection *connection;
    struct interrupt *interrupt;
    struct progress progress;
    bool shows_planning;   // of the progress: runs that are collected, not those that are cancelled
    enum bulk_phase phase; // changed by bulk_follow_enter alone, with the id
    char id[128];          // "" as long as it is not known
    const char *key;       // under which it is asked for: what is known of it before its id
};

// Begins on an open connection. From then on an interruption says what becomes of the work.
void bulk_follow_begin(struct bulk_follow *f, const struct invocation *in,
                       struct connection *connection);

// From now on it is in that phase; id NULL: not known.
void bulk_follow_enter(struct bulk_follow *f, enum bulk_phase phase, const char *id);

// Waits until it is over, or, for a plan, until its runs are collected: from what a server has
// answered on. *bytes is the answer, and then the newest one; both live in in->arena. Waits on
// while the server is away. Returns an exit code; an error has been printed.
int bulk_follow_wait(struct bulk_follow *f, Runs__V1__BulkCancel **bulk, struct slice *bytes);

// Aborts the plan of f->id; says nothing.
void bulk_follow_drop(const struct bulk_follow *f);

void bulk_follow_end(struct bulk_follow *f);

#endif
