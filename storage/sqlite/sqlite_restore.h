#ifndef RUNSD_STORAGE_SQLITE_SQLITE_RESTORE_H
#define RUNSD_STORAGE_SQLITE_SQLITE_RESTORE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/store_upkeep.h"

// See run_store_restore.
const struct error *sqlite_restore_store(struct arena *a, const char *path, const char *file,
                                         struct store_restore *ret);

#endif
