#ifndef RUNSD_STORAGE_POSTGRES_FAMILY_H
#define RUNSD_STORAGE_POSTGRES_FAMILY_H

#include "storage/op/create_run.h"
#include "storage/postgres/work.h"

// Families of runs (storage/postgres/family_row.h), as operations ask for them and change them.
//
// The organizations of all that is asked and changed here are locked.

// Finds whether the new run of c, whose id is not taken, may have its parent, which it names: what
// create_run answers in ret_parent and, in its arena, in ret_ancestor. Has the work write first
// what it holds in memory.
enum pg_outcome pg_family_check(struct work *work, struct store_create_run *c);

// The runs of the ids, of one organization, were deleted: their rows become such that are gone, or
// are deleted, and so are those that were kept for them alone.
enum pg_outcome pg_family_leave(struct work *work, struct slice organization,
                                const struct slice *ids, int count);

#endif
