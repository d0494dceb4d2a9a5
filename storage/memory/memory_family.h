#ifndef RUNSD_STORAGE_MEMORY_MEMORY_FAMILY_H
#define RUNSD_STORAGE_MEMORY_MEMORY_FAMILY_H

#include "storage/memory/memory_tables.h"
#include "storage/op/create_run.h"

// Families of runs, as the memory back-end holds them: each run has its parent's id.

// Whether a new run may be a child of parent_id, which may be empty; of PARENT_CANCELLED
// *ret_ancestor is the cancelled run's id, in a.
enum store_parent memory_family_check(const struct memory_tables *t, struct arena *a,
                                      struct slice organization, struct slice parent_id,
                                      struct slice *ret_ancestor);

// Makes the children of the run of id items of the job, if it cascades.
void memory_family_add_children(const struct memory_tables *t, struct memory_bulk *bulk,
                                struct slice id);

#endif
