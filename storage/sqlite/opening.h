#ifndef RUNSD_STORAGE_SQLITE_OPENING_H
#define RUNSD_STORAGE_SQLITE_OPENING_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/sqlite/lineage.h"

// Whether what a start finds at a store's path is complete: the database, the log that
// belongs to it, and nothing older than what was acknowledged.
struct opening {
    const char *path;
    uint8_t mode; // FILE_MODE_...: how the header says that changes are kept
    int64_t inode;
    int64_t log_bytes;
    int sync_error;             // errno of syncing the database, if there is a log; 0: none
    int database_rc;            // of reading in_database
    struct lineage in_database; // without the log
    struct lineage now;         // with it
    int64_t schema_version;
    int64_t schema_cookie;
};

// Looks at the files before SQLite opens them for good. fd is the locked database.
void opening_look(struct opening *o, struct arena *a, const char *path, int fd);

// Reads the rest through db. Refuses a store that is not complete, or of a newer program.
// With accept, only checks that the log is the database's, not that nothing is missing.
// FAILED_PRECONDITION, DATA_LOSS; UNAVAILABLE where it cannot be read.
const struct error *opening_check(struct opening *o, struct arena *a, sqlite3 *db, bool accept);

// Whether the files may have been copied one by one while they were changed: then all of
// their contents have to be checked.
bool opening_is_copy_in_use(const struct opening *o);

// Whether the database has the record that the log ends with: the log was copied, be it in part.
bool opening_log_was_copied(const struct opening *o);

// Whether the file is a copy of the one that was last written to as this store: a backup that was
// put back, or a store that was moved. To be called after opening_check.
bool opening_is_restored(const struct opening *o);

#endif
