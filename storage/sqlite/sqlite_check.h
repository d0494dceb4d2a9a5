#ifndef RUNSD_STORAGE_SQLITE_SQLITE_CHECK_H
#define RUNSD_STORAGE_SQLITE_SQLITE_CHECK_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/store_check_report.h"

// Reads the whole store at path and reports what is wrong with it; see
// run_store_check.
const struct error *sqlite_check_store(struct arena *a, const char *path, bool accept,
                                       struct store_check_report *ret);

#endif
