#ifndef RUNSD_SERVER_LEASE_STOP_LOOK_H
#define RUNSD_SERVER_LEASE_STOP_LOOK_H

#include "server/lease/stop_waits.h"
#include "storage/run_store.h"

// A look in the store at a cancelled run that somebody waits for: its work may have stopped before
// the wait began, or another server been told of it.

struct stop_look;

// store and waits outlive the look, the names need not.
struct stop_look *stop_look_new(struct run_store *store, struct stop_waits *waits,
                                struct slice organization, struct slice run_id);

// Looks, tells waits if the work has stopped, and frees the look: within the call, or later.
void stop_look_begin(struct stop_look *look);

#endif
