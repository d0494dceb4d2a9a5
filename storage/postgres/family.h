#ifndef RUNSD_STORAGE_POSTGRES_FAMILY_H
#define RUNSD_STORAGE_POSTGRES_FAMILY_H

#include "storage/op/create_run.h"
#include "storage/postgres/work.h"

// Rows of table run_parent: of each run that has a parent, which run that is. A row is written with
// its run's creation. It stays when its run is deleted, as one that is gone, for as long as another
// row names that run as the parent: so each chain of rows that are gone ends at a run that is
// there, and kinship goes on through them.
//
// The organizations of all that is asked and changed here are locked.

// Finds whether the new run of c, whose id is not taken, may have its parent, which it names: what
// create_run answers in ret_parent and, in its arena, in ret_ancestor. Has the work write first
// what it holds in memory.
enum pg_outcome pg_family_check(struct work *work, struct store_create_run *c);

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

// The runs of the ids, of one organization, were deleted: their rows become such that are gone, or
// are deleted, and so are those that were kept for them alone.
enum pg_outcome pg_family_leave(struct work *work, struct slice organization,
                                const struct slice *ids, int count);

#endif
