#ifndef RUNSD_STORAGE_SQLITE_COPY_TARGET_H
#define RUNSD_STORAGE_SQLITE_COPY_TARGET_H

#include "storage/store_copy_ends.h"

// A store that another one is copied into; made if it is not there.
//
// Events get keys of their own, 2, 3 and so on, in the order in which they come. Key 1, and the one
// behind the last, are those of events that are gone: whatever names an event that is not there any
// more names one of them.

// See struct store_backend.
const struct error *sqlite_copy_target_open(struct arena *a, const char *path,
                                            struct store_target **ret_target);

#endif
