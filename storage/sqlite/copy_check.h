#ifndef RUNSD_STORAGE_SQLITE_COPY_CHECK_H
#define RUNSD_STORAGE_SQLITE_COPY_CHECK_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"

// What a database holds, for people.
struct copy_contents {
    int64_t schema;
    int64_t runs;
    int64_t newest_event;
};

// Reads counts through db. Returns SQLite's code.
int copy_contents_read(sqlite3 *db, struct copy_contents *ret);

// Reads all of the database at path, which is a whole copy that nobody writes, and refuses it
// unless it is sound: its pages and indexes, and where it has this program's schema also what
// `runsctl store check` compares. name is what messages call it. DATA_LOSS,
// FAILED_PRECONDITION (of a newer program), UNAVAILABLE.
const struct error *copy_check(struct arena *a, const char *path, const char *name,
                               struct copy_contents *ret);

#endif
