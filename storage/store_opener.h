#ifndef RUNSD_STORAGE_STORE_OPENER_H
#define RUNSD_STORAGE_STORE_OPENER_H

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/run_store.h"
#include "storage/store_check_report.h"
#include "storage/store_holder.h"

// Returns the path of the file that url names, within url; NULL if it names none.
const char *run_store_file(const char *url);

// Opens the store that url names:
//   sqlite:PATH  a file, made if it is not there; one process at a time
//   memory:      nothing outlives the process; for tests
//
// Errors, in a: INVALID_ARGUMENT (no such kind of URL), FAILED_PRECONDITION
// (another process holds the file: the message names its pid; the schema is
// newer than this program's: the message names both), DATA_LOSS (the file is
// no intact store; it is left as it is), UNAVAILABLE (it cannot be opened:
// permission, full disk).
const struct error *run_store_open(struct arena *a, const char *url,
                                   const struct run_store_options *options,
                                   struct run_store **ret_store);

// Reads the whole store of url, which has to name a file, whether it is served or
// not, and tells what is wrong with it. With accept, a store that is sound and not
// served is noted as whole, whatever was acknowledged besides (a backup that was
// restored): a start does not refuse it for that any more. Errors as
// run_store_open, and NOT_FOUND.
const struct error *run_store_check(struct arena *a, const char *url, bool accept,
                                    struct store_check_report *ret);

// Publishes holder for the store of url; removed by store_holder_withdraw. For
// URLs that name no file nothing is done. Returns UNAVAILABLE if the file
// cannot be written.
const struct error *store_holder_publish(struct arena *a, const char *url,
                                         const struct store_holder *holder);

// Takes back what store_holder_publish wrote. To be called before the store is
// closed.
void store_holder_withdraw(const char *url);

// Reads what the store's present holder published, into a. NOT_FOUND if nobody
// holds the store or the holder published nothing.
const struct error *store_holder_read(struct arena *a, const char *url,
                                      struct store_holder *ret_holder);

#endif
