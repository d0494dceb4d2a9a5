#ifndef RUNSD_STORAGE_POSTGRES_MIGRATE_H
#define RUNSD_STORAGE_POSTGRES_MIGRATE_H

#include "storage/postgres/schema.h"
#include "storage/store_migration.h"

// Steps from no tables to a version: pg_schema_steps, and what tests have in its place.
struct migrate_steps {
    const char *const *const *steps; // of step i, 1 to version: its statements, a NULL at the end
    int version;
    int oldest_program; // that may serve what the last step leaves
};

extern const struct migrate_steps migrate_all_steps;

// Brings the store of conninfo, which is called store in messages, to the last step's version: each
// step in a transaction of its own, under a lock that one migration at a time has. A step that
// fails, or whose process is killed, leaves the version before it. Locks, also of tables in use,
// are waited for 5 s at most. FAILED_PRECONDITION: the store is newer; ABORTED: another migration,
// or a long transaction, holds a lock; PERMISSION_DENIED: the role may not; UNAVAILABLE.
const struct error *migrate_run(struct arena *a, const char *conninfo, const char *store,
                                const struct migrate_steps *steps, struct store_migration *ret);

#endif
