#ifndef RUNSD_STORAGE_SQLITE_UNFINISHED_FILE_H
#define RUNSD_STORAGE_SQLITE_UNFINISHED_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"

#define UNFINISHED_BACKUP  ".unfinished"
#define UNFINISHED_RESTORE ".restoring"

// A database that is written under another name, and gets its own once it is whole and on the
// disk. Who writes it has it locked, so that what a process left that was killed is known for that
// and begun anew.
struct unfinished_file {
    const char *target;
    const char *path; // TARGET and one of these
    int fd;           // has to stay open until SQLite has closed the file
};

// Makes the file, empty and for this user alone. Texts live in a. FAILED_PRECONDITION if another
// process writes it, UNAVAILABLE.
const struct error *unfinished_file_open(struct arena *a, const char *target, const char *suffix,
                                         struct unfinished_file *ret);

// Makes it durable under the name target; a file of that name is replaced, or else is
// ALREADY_EXISTS. UNAVAILABLE. To be called once SQLite has closed it.
const struct error *unfinished_file_publish(struct unfinished_file *f, struct arena *a,
                                            bool replaces);

// Removes what was not published, and closes it.
void unfinished_file_close(struct unfinished_file *f, struct arena *a);

// Refuses, with RESOURCE_EXHAUSTED, where the file system of target has no room for bytes.
const struct error *unfinished_file_check_room(struct arena *a, const char *target, int64_t bytes);

#endif
