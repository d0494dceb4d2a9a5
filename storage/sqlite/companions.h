#ifndef RUNSD_STORAGE_SQLITE_COMPANIONS_H
#define RUNSD_STORAGE_SQLITE_COMPANIONS_H

#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"

// The files that lie beside a database, looked at before SQLite takes them for its
// own: it undoes what a rollback journal says, of whichever database that was, and
// replays any log.

// Refuses a journal, a log of a database that keeps none (mode is the byte of the
// database's header that says so), and companions that are no regular files or
// cannot be written. DATA_LOSS, UNAVAILABLE.
const struct error *companions_check(struct arena *a, const char *path, uint8_t mode);

// Returns the size of the write-ahead log, 0 if there is none, or only the room that was made for
// one (log_room.h).
int64_t companions_log_bytes(struct arena *a, const char *path);

// Removes the database at path and what SQLite keeps beside it, as far as it is there.
void companions_remove_database(struct arena *a, const char *path);

// As companions_remove_database, but leaves the database itself.
void companions_remove_beside(struct arena *a, const char *path);

// Removes the files PATH.new-XXXXXX that a first start left when it was killed: files of
// such a name that are no store with runs. To be called while the store is locked. It may also
// remove the file of a process that is making the store at this moment; that process then
// finds that the store is there already.
void companions_remove_unfinished(const char *path);

#endif
