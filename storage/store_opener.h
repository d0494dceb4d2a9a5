#ifndef RUNSD_STORAGE_STORE_OPENER_H
#define RUNSD_STORAGE_STORE_OPENER_H

#include "base/core/arena.h"
#include "base/core/build_info.h"
#include "base/core/error.h"
#include "storage/run_store.h"
#include "storage/store_check_report.h"
#include "storage/store_holder.h"
#include "storage/store_migration.h"

// What can be done with a store by its URL, "SCHEME:LOCATION". Which schemes there are, and
// what a location is, is each back-end's to say: see storage/backends.h.

// Adds the libraries of all back-ends.
void store_libraries_add(struct build_libraries *libraries);

// Opens the store that url names, making it if it is not there and may be made.
//
// Errors, in a: INVALID_ARGUMENT (no such kind of URL), NOT_FOUND (options->must_exist, and there
// is none; a store that ends with its process is never there before), FAILED_PRECONDITION
// (another process holds the store: the message names it where the back-end knows it; the
// schema is newer than this program's: the message names both), DATA_LOSS (what is there is
// no intact store; it is left as it is), UNAVAILABLE (it cannot be opened:
// permission, full disk).
const struct error *run_store_open(struct arena *a, const char *url,
                                   const struct run_store_options *options,
                                   struct run_store **ret_store);

// Returns url for logs, without passwords. The text lives in a.
const char *run_store_describe(struct arena *a, const char *url);

// Whether what the store of url holds ends with the process that opened it.
bool run_store_is_temporary(const char *url);

// Whether stores of url's kind can be checked.
bool run_store_has_check(const char *url);

// Reads the whole store of url, whether it is served or not, and reports what is wrong
// with it. With accept, a store that is sound and not served is noted as whole,
// whatever was acknowledged besides (a backup that was
// restored): a start does not refuse it for that any more. Errors as
// run_store_open, INVALID_ARGUMENT if stores of this kind are not checked, and NOT_FOUND.
const struct error *run_store_check(struct arena *a, const char *url, bool accept,
                                    struct store_check_report *ret);

// Whether stores of url's kind are made, and brought up to date, by run_store_migrate alone; others
// are as they are opened.
bool run_store_has_migration(const char *url);

// INVALID_ARGUMENT, in a, with option, which gave url, and url, if that is of no kind of store or
// names no place. Nothing is opened.
const struct error *run_store_check_url(struct arena *a, const char *option, const char *url);

// Whether stores of url's kind are kept on a database server, so that require_replicas and
// direct_url of struct run_store_options say anything.
bool run_store_is_on_server(const char *url);

// Makes the store of url, or brings it up to date, step by step; it may be served meanwhile. A step
// that fails leaves what was before it. Errors as run_store_open, ABORTED (a lock was held for too
// long: try again), PERMISSION_DENIED, and INVALID_ARGUMENT if stores of this kind need none.
const struct error *run_store_migrate(struct arena *a, const char *url,
                                      struct store_migration *ret);

// Returns the path of a Unix socket that only those who can use the store of url can reach;
// NULL if the store has no such place. The text lives in a.
const char *run_store_socket_path(struct arena *a, const char *url);

// Publishes how to reach this process, which has opened the store of url, for the other
// programs that can use the store. Until store_holder_withdraw, or until the store is closed.
// Does nothing for stores that this process alone can use. UNAVAILABLE if it cannot be written.
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
