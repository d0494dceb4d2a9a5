#ifndef RUNSD_CTL_BACKUP_FOLDER_H
#define RUNSD_CTL_BACKUP_FOLDER_H

#include "base/core/arena.h"
#include "base/core/error.h"

// A folder with the newest backups of a store: runsd-20260131T235900Z.db, by the second (UTC) when
// each was made. Files of other names are left alone.

// Returns the file that the next backup is written to. It may be there, of one that was not given
// its name. INVALID_ARGUMENT if folder is none.
const struct error *backup_folder_begin(struct arena *a, const char *folder, const char **ret_file);

// Gives that file the name of the second that it is, or of the next one if there is a backup of
// this one already, durably, and then removes all but it and the newest of the others, keep in all.
// *ret_file is its name, *ret_removed how many went. ALREADY_EXISTS where other names stand in the
// way, as after the clock was set back; UNAVAILABLE.
const struct error *backup_folder_end(struct arena *a, const char *folder, int keep,
                                      const char **ret_file, int *ret_removed);

#endif
