#ifndef RUNSD_STORAGE_POSTGRES_FAMILY_ROW_H
#define RUNSD_STORAGE_POSTGRES_FAMILY_ROW_H

#include "base/core/arena.h"
#include "base/core/slice.h"
#include "storage/postgres/pg_connection.h"

// Rows of table run_parent: of each run that has a parent, which run that is. A row is written with
// its run's creation. It stays when its run is deleted, as one that is gone, for as long as another
// row names that run as the parent: so each chain of rows that are gone ends at a run that is
// there, and kinship goes on through them.

// A new run.
struct pg_family_child {
    struct slice organization;
    struct slice id;
    struct slice parent_id; // empty: it has none
};

// Queues the statements that give new runs their parents; each takes the place of a run of its id
// that is gone. To be called for all new runs, also for those without a parent. temporary may be
// released at once.
void pg_family_queue_joins(struct pg_connection *c, struct arena *temporary,
                           const struct pg_family_child *children, int count);

#endif
