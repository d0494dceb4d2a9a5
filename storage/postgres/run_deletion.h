#ifndef RUNSD_STORAGE_POSTGRES_RUN_DELETION_H
#define RUNSD_STORAGE_POSTGRES_RUN_DELETION_H

#include "storage/postgres/work.h"

// What goes with runs that are deleted, beside what the work deletes: the keys under which they
// were changed, their leases' renewals, their places in their families. And what tells of earlier
// deletions.

// How many runs are read at once, and how many events one transaction deletes, unless the first run
// alone has more.
enum { PG_DELETED_AT_ONCE = 64, PG_MOST_DELETED_EVENTS = 4096 };

// The runs of the ids, of one organization, were deleted (work_delete_run, work_bury_run).
enum pg_outcome pg_run_deletion_follow(struct work *work, struct slice organization,
                                       const struct slice *ids, int count);

// Queues the statement that deletes the keys that lead to what has one of the ids.
void pg_run_deletion_queue_keys(struct work *work, enum work_key_target of,
                                struct slice organization, const struct slice *ids, int count);

#endif
