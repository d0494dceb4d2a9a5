#ifndef RUNSD_STORAGE_POSTGRES_COPY_SOURCE_H
#define RUNSD_STORAGE_POSTGRES_COPY_SOURCE_H

#include "storage/store_copy_ends.h"

// A store that is copied, or compared: all of it is read in one snapshot, by cursors.

// See struct store_backend.
const struct error *pg_copy_source_open(struct arena *a, const char *location, bool is_settled,
                                        struct store_source **ret_source);

// See struct store_backend.
const char *pg_copy_place_of(struct arena *a, const char *location);

#endif
