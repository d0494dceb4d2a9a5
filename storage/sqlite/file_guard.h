#ifndef RUNSD_STORAGE_SQLITE_FILE_GUARD_H
#define RUNSD_STORAGE_SQLITE_FILE_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/core/arena.h"

// Whether a store's path still leads to the files that are open. SQLite goes on
// writing to files that were removed, moved or replaced: all of it would be
// acknowledged, and none of it be there after a restart.

struct guarded_file {
    char *path;
    dev_t device;
    ino_t inode;
};

// The database by its real path and by the name that was given (a symbolic link
// may be laid anew), the write-ahead log, and the log's index: without the one
// that is open, another program makes its own and both write unaware of each other.
enum { GUARDED_FILES_MAX = 4 };

struct file_guard {
    struct guarded_file files[GUARDED_FILES_MAX];
    int count;
};

// Notes the files of the store at path, given to the program as name. To be called
// while SQLite has all of them open; open_fd is a descriptor of the database.
// Returns NULL, or what is wrong with the files already, in a.
const char *file_guard_init(struct file_guard *g, struct arena *a, const char *name,
                            const char *path, int open_fd);

// NULL is ignored within.
void file_guard_release(struct file_guard *g);

// Whether every path leads to the file that was noted: one stat(2) each.
bool file_guard_holds(const struct file_guard *g);

// Returns a message that says what happened to the files and what to do; NULL if
// nothing happened.
const char *file_guard_explain(const struct file_guard *g, struct arena *a);

#endif
