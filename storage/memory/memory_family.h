#ifndef RUNSD_STORAGE_MEMORY_MEMORY_FAMILY_H
#define RUNSD_STORAGE_MEMORY_MEMORY_FAMILY_H

#include "storage/memory/memory_tables.h"
#include "storage/op/create_run.h"

// Families of runs, as the memory back-end holds them: each run has its parent's id, and so has one
// that was deleted for as long as it is the parent of another (struct memory_gone_child).

// Finds whether the new run of c, whose id is not taken, may have its parent: what create_run
// answers in ret_parent and, in its arena, in ret_ancestor.
void memory_family_check(const struct memory_tables *t, struct store_create_run *c);

// Gives the new run its parent, whose id may be empty. It takes the place of one that is gone.
void memory_family_join(struct memory_tables *t, struct memory_run *run, struct slice parent_id);

// The run of id, which had the parent, or none, was deleted.
void memory_family_leave(struct memory_tables *t, struct slice organization, struct slice id,
                         struct slice parent_id);

// Returns the run that the job's item is about, not one that was created later under the id of
// that: such a one is meant only where the job comes to it by an ancestor, which may not have been
// dealt with yet. NULL if there is none.
struct memory_run *memory_family_find_meant(const struct memory_tables *t,
                                            const struct memory_bulk *bulk,
                                            const struct memory_bulk_item *item);

// Makes the children of the run of id items of the job, if it cascades, and in the place of those
// that are gone theirs.
void memory_family_add_children(const struct memory_tables *t, struct memory_bulk *bulk,
                                struct slice id);

#endif
