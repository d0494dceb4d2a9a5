#ifndef RUNSD_STORAGE_SQLITE_ROWS_H
#define RUNSD_STORAGE_SQLITE_ROWS_H

#include <stddef.h>

#include "base/core/arena.h"

// Returns items, of which there are count, with room for one more: as they are while count is
// below *capacity, else a larger copy in a. NULL and 0 at first.
void *rows_grow(struct arena *a, void *items, int count, int *capacity, size_t item_bytes);

#endif
