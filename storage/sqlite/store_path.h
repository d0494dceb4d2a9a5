#ifndef RUNSD_STORAGE_SQLITE_STORE_PATH_H
#define RUNSD_STORAGE_SQLITE_STORE_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"

// The path of a store's file, and the directory that it stands in.

// Returns path with its symbolic links followed, so that every name of a file
// leads to the same companion files; path itself if there is no such file yet.
const char *store_path_real(struct arena *a, const char *path);

// Makes durable which names the directory of path holds. Returns false, with errno, if that
// cannot be done.
bool store_path_sync_directory(const char *path);

// Whether path, itself no symbolic link, is a name of the file that is open as fd.
bool store_path_names(const char *path, int fd);

// Returns how many bytes the file system of path has free for this user; -1: it does not say.
int64_t store_path_free_bytes(const char *path);

#endif
