#ifndef RUNSD_CTL_EVENT_TABLE_H
#define RUNSD_CTL_EVENT_TABLE_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "ctl/print.h"
#include "runs/v1/run.pb-c.h"

// Events of runs as people read them: a table on standard output whose rows come one by one.

enum {
    EVENT_TABLE_RUNS = 1 << 0,   // of several runs: the run's id in place of the sequence
    EVENT_TABLE_LEASES = 1 << 1, // with what happened, the attempt and the holder
    EVENT_TABLE_GROWS = 1 << 2,  // more rows follow those that are printed first
};

struct event_table {
    struct table table;
    unsigned kind; // EVENT_TABLE_...
    bool is_narrow;
};

// "created", "acquired", ...; "unknown" for a number that is no kind.
const char *event_kind_text(int kind);

// Whether what happened can only be shown with EVENT_TABLE_LEASES.
bool event_table_needs_leases(const Runs__V1__RunEvent *event);

// Begins; prints nothing. wide: whole columns, whatever the terminal.
void event_table_begin(struct event_table *t, unsigned kind, bool wide);

// Adds an event, of which texts in a are made; both are left alone until the next
// event_table_print.
void event_table_add(struct event_table *t, struct arena *a, const Runs__V1__RunEvent *event);

// Adds a run of a snapshot, likewise: that it is live, since it started.
void event_table_add_live(struct event_table *t, struct arena *a, const Runs__V1__Run *run);

// Prints what was added since it was called last, the headings the first time.
void event_table_print(struct event_table *t);

void event_table_release(struct event_table *t);

#endif
