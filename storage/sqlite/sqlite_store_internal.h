#ifndef RUNSD_STORAGE_SQLITE_SQLITE_STORE_INTERNAL_H
#define RUNSD_STORAGE_SQLITE_SQLITE_STORE_INTERNAL_H

#include "storage/sqlite/pending_limits.h"
#include "storage/sqlite/sqlite_store.h"

// As sqlite_store_open, with other limits than the usual ones: a test comes by small ones to each
// moment of a generation.
const struct error *sqlite_store_open_limited(struct arena *a, const char *path,
                                              const struct run_store_options *options,
                                              const struct pending_limits *limits,
                                              struct run_store **ret_store);

#endif
