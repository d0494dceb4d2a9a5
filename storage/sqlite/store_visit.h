#ifndef RUNSD_STORAGE_SQLITE_STORE_VISIT_H
#define RUNSD_STORAGE_SQLITE_STORE_VISIT_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/error.h"

// A look at a store by a process that does not serve it, whether another one does or begins to
// meanwhile. It leaves the files beside the store as they were, but that an empty log goes with the
// last who uses it.
struct store_visit {
    const char *path; // with symbolic links followed
    int fd;           // stays open until SQLite has closed the store
    bool is_served;   // by another process, when it began
};

// Begins. A store that nobody serves is looked at as by a start, which sees what is missing.
// NOT_FOUND, UNAVAILABLE, DATA_LOSS, FAILED_PRECONDITION (of a newer program); there is nothing to
// end then.
const struct error *store_visit_begin(struct arena *a, const char *path, struct store_visit *ret);

// To be called once SQLite has closed the store.
void store_visit_end(struct store_visit *v, struct arena *a);

#endif
