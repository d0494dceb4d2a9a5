#ifndef RUNSD_STORAGE_SQLITE_HOLDER_FILE_H
#define RUNSD_STORAGE_SQLITE_HOLDER_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/store_holder.h"

// The file PATH.server beside a store: who holds it. Lines "key=value", mode
// 0600, replaced atomically. It is written with the pid alone when the store is
// opened, so that a refused second process can name the first; the rest follows
// when the server that opened it can be reached. What it says holds only while the store's lock is
// held: a file left by a dead process means nothing.

// Names this process as the one that opened the store at path. UNAVAILABLE if the file cannot
// be written.
const struct error *holder_file_claim(struct arena *a, const char *path);

// Names this process and how to reach it. See store_holder_publish.
const struct error *holder_file_publish(struct arena *a, const char *path,
                                        const struct store_holder *holder);

// Leaves nothing but the pid in the file if this process wrote it: the store is
// still held.
void holder_file_withdraw(const char *path);

// Removes the file if this process wrote it.
void holder_file_remove(const char *path);

// Returns the pid in the file, 0 if there is none.
int64_t holder_file_pid(const char *path);

// Whether the file names this very process, which holds the store at path then if anybody
// does: closing any descriptor of the database would drop SQLite's locks.
bool holder_file_is_own(const char *path);

// See store_holder_read.
const struct error *holder_file_read(struct arena *a, const char *path,
                                     struct store_holder *ret_holder);

#endif
