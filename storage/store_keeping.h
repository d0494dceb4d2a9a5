#ifndef RUNSD_STORAGE_STORE_KEEPING_H
#define RUNSD_STORAGE_STORE_KEEPING_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/store_upkeep.h"

// What is done with a store as a whole, by its URL, whether it is served or not. All of these
// return INVALID_ARGUMENT for a URL of no store, and of a kind of store that cannot be treated so:
// the message says what to use then. Further errors are as of run_store_open.

// Writes a backup of the store to options->file: one moment of it, complete, checked and on the
// disk before the file has its name. A call that fails, and one that is killed, leaves no file of
// that name, and as it was one that was there.
//
// Errors: ALREADY_EXISTS (there is a file, and options do not replace it), INVALID_ARGUMENT (the
// file is one of the store's own, or no regular file, or a store's files lie beside it),
// FAILED_PRECONDITION (another backup to that file is being written; the file is a store that is
// served; the store is half of a copy), RESOURCE_EXHAUSTED (there is too little room; the log grew
// beyond its limit), DATA_LOSS (the store, or what was written, is damaged), UNAVAILABLE
// (permission, a failure of the disk).
const struct error *run_store_backup(struct arena *a, const char *url,
                                     const struct store_backup_options *options,
                                     struct store_backup *ret);

// Makes the store of url from a backup, which is checked first. The store has another epoch than
// any before, so that what clients have kept of later moments is void. A call that is killed
// leaves nothing that a start would take for a store.
//
// Errors: NOT_FOUND (there is no such backup), ALREADY_EXISTS (there is a store, or a part of
// one), DATA_LOSS (the file is no backup, or a damaged one), FAILED_PRECONDITION (it is of a newer
// program; it is a store that is served, or half of a copy), RESOURCE_EXHAUSTED (there is too
// little room), UNAVAILABLE.
const struct error *run_store_restore(struct arena *a, const char *url, const char *file,
                                      struct store_restore *ret);

// Reads how large the store is, and what is in it. At most tenants organizations are listed.
const struct error *run_store_measure(struct arena *a, const char *url, int tenants,
                                      struct store_measures *ret);

// Keeps the store from being changed, so that its files can be copied as they are, until the time
// is over, run_store_thaw is called by any process, options->is_ended says so, or this process
// ends. Returns after that; *ret_in_time is false where the time was over. Who serves the store
// meanwhile answers changes STORE_FROZEN, and goes on reading.
//
// Errors: FAILED_PRECONDITION (it is frozen already; it cannot be locked in time).
const struct error *run_store_freeze(struct arena *a, const char *url,
                                     const struct store_freeze_options *options, bool *ret_in_time);

// Ends a freeze, and returns once it has ended. *ret_was_frozen is false where there was none.
// FAILED_PRECONDITION if the process that holds it does not let go.
const struct error *run_store_thaw(struct arena *a, const char *url, bool *ret_was_frozen);

#endif
