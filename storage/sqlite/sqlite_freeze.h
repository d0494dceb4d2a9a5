#ifndef RUNSD_STORAGE_SQLITE_SQLITE_FREEZE_H
#define RUNSD_STORAGE_SQLITE_SQLITE_FREEZE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/store_upkeep.h"

// See run_store_freeze and run_store_thaw. The freeze is SQLite's write lock: nothing is committed
// while it is held, and the log is neither used anew nor cut. It is not copied into the database
// first: only the process that serves the store may do that (storage/sqlite/checkpoint.h), so a
// snapshot has both files.
const struct error *sqlite_freeze_store(struct arena *a, const char *path,
                                        const struct store_freeze_options *options,
                                        bool *ret_in_time);

const struct error *sqlite_thaw_store(struct arena *a, const char *path, bool *ret_was_frozen);

#endif
