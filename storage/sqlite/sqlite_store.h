#ifndef RUNSD_STORAGE_SQLITE_SQLITE_STORE_H
#define RUNSD_STORAGE_SQLITE_SQLITE_STORE_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/run_store.h"

// The embedded back-end: one SQLite file in WAL mode with synchronous=FULL. One
// thread writes with group commit and is the only one that copies the log into
// the database; others read. queue_limit holds for writing and reading
// operations apart.
//
// Opens the store at path, making it if it is not there. Errors as
// run_store_open.
const struct error *sqlite_store_open(struct arena *a, const char *path,
                                      const struct run_store_options *options,
                                      struct run_store **ret_store);

#endif
