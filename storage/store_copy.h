#ifndef RUNSD_STORAGE_STORE_COPY_H
#define RUNSD_STORAGE_STORE_COPY_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/store_copy_report.h"

// Copies of a store into another one, of any two back-ends whose stores outlive a process.

// Copies all of the store from into to, reads both again, and compares them. If they are the same
// to is a store that goes on where from ended: with its revisions, tokens, keys and jobs, and with
// its secret and epoch, so that positions and page tokens that were given out hold. Else, and until
// then, to is no store that is served. What was copied before a call that failed, or was killed, is
// not copied again.
//
// Neither store is served meanwhile; from is not written to. Errors, in a: INVALID_ARGUMENT (a URL
// that names no store, one of a kind that is not copied, twice the same), those of
// struct store_backend's open_source and open_target, FAILED_PRECONDITION also if to is half of a
// copy of another store, or of this one before it was changed, ABORTED, UNAVAILABLE, DATA_LOSS.
const struct error *run_store_copy(struct arena *a, const struct store_copy_options *options,
                                   struct store_copy_report *ret);

#endif
