#ifndef RUNSD_STORAGE_STORE_MIGRATION_H
#define RUNSD_STORAGE_STORE_MIGRATION_H

// What run_store_migrate did: the schema's versions, which are the same where there was nothing to
// do.
struct store_migration {
    int before; // 0: there were no tables
    int after;
};

#endif
