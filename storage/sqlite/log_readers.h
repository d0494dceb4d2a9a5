#ifndef RUNSD_STORAGE_SQLITE_LOG_READERS_H
#define RUNSD_STORAGE_SQLITE_LOG_READERS_H

#include "base/core/arena.h"

// Returns which other processes hold a snapshot of the database at path, in a, for
// people: "process 12 (sqlite3)". Read from the kernel's list of locks, which
// leaves out processes of other containers and machines.
const char *log_readers_describe(struct arena *a, const char *path);

#endif
