#ifndef RUNSD_STORAGE_SQLITE_COPY_SOURCE_H
#define RUNSD_STORAGE_SQLITE_COPY_SOURCE_H

#include "storage/store_copy_ends.h"

// A store that is copied, or compared: read, and never written to. Its server has stopped in order,
// so that the rows say all that its events do.

// See struct store_backend.
const struct error *sqlite_copy_source_open(struct arena *a, const char *path, bool is_settled,
                                            struct store_source **ret_source);

#endif
