#ifndef RUNSD_STORAGE_SQLITE_FREEZE_MARKER_H
#define RUNSD_STORAGE_SQLITE_FREEZE_MARKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"

// The file PATH.frozen beside a store: a process keeps the store from being changed, so that its
// files can be copied (storage/sqlite/sqlite_freeze.h). It means something only while that process
// has it locked; who removes it asks for the end of the freeze.
struct freeze_marker {
    const char *path;
    int fd;
};

// Makes and locks the file of the store at path for this process. The text lives in a.
// FAILED_PRECONDITION if another process has it, UNAVAILABLE.
const struct error *freeze_marker_open(struct arena *a, const char *path,
                                       struct freeze_marker *ret);

// Writes which process this is. Returns false, with errno, if that cannot be done.
bool freeze_marker_write(const struct freeze_marker *m);

// Whether nobody has asked for the end.
bool freeze_marker_is_there(const struct freeze_marker *m);

// Removes the file if it is there still, and releases the lock.
void freeze_marker_close(struct freeze_marker *m);

// Whether a process keeps the store at path frozen.
bool freeze_marker_is_held(const char *path);

// Asks for the end of a freeze and waits for it. *ret_was_held is false where there was none. It
// removes what a process left that was killed. FAILED_PRECONDITION if it does not end.
const struct error *freeze_marker_end(struct arena *a, const char *path, bool *ret_was_held);

#endif
