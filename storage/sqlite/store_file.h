#ifndef RUNSD_STORAGE_SQLITE_STORE_FILE_H
#define RUNSD_STORAGE_SQLITE_STORE_FILE_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"

// The database file as a file: made, locked and looked at before SQLite sees it.

// Opens and locks the store's file at path; if there is none, makes a new store, or refuses
// (NOT_FOUND) unless may_make. A new one is complete under another name first, then linked to path,
// so that a file at path is always whole or damaged, never half made. The lock is flock(2)'s and
// ends with the descriptor, which has to stay open until SQLite has closed the file (closing any
// descriptor of it drops SQLite's own locks).
//
// Looks at the file's header and at what lies beside it before anything writes to
// it. Errors as run_store_open.
const struct error *store_file_open(struct arena *a, const char *path, bool may_make, int *ret_fd);

// Locks the file at path, open as fd, as store_file_open does. FAILED_PRECONDITION if another
// process has it, which the message names where it is known.
const struct error *store_file_lock(struct arena *a, const char *path, int fd);

// Looks at the header of the file at path, open as fd, and at what lies beside it, as
// store_file_open does.
const struct error *store_file_check(struct arena *a, const char *path, int fd);

#endif
