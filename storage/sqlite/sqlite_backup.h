#ifndef RUNSD_STORAGE_SQLITE_SQLITE_BACKUP_H
#define RUNSD_STORAGE_SQLITE_SQLITE_BACKUP_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/store_upkeep.h"

// See run_store_backup. SQLite itself copies, in one read transaction, while the store is changed
// (VACUUM INTO): its online backup begins anew at each change by another process.
const struct error *sqlite_backup_store(struct arena *a, const char *path,
                                        const struct store_backup_options *options,
                                        struct store_backup *ret);

#endif
