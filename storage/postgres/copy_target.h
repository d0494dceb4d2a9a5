#ifndef RUNSD_STORAGE_POSTGRES_COPY_TARGET_H
#define RUNSD_STORAGE_POSTGRES_COPY_TARGET_H

#include "storage/store_copy_ends.h"

// A store, whose tables are there, that another one is copied into.

// See struct store_backend.
const struct error *pg_copy_target_open(struct arena *a, const char *location,
                                        struct store_target **ret_target);

#endif
