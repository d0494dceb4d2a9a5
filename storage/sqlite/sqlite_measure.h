#ifndef RUNSD_STORAGE_SQLITE_SQLITE_MEASURE_H
#define RUNSD_STORAGE_SQLITE_SQLITE_MEASURE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/store_upkeep.h"

// See run_store_measure. Of each table all pages are read: as much as a backup reads.
const struct error *sqlite_measure_store(struct arena *a, const char *path, int tenants,
                                         struct store_measures *ret);

#endif
