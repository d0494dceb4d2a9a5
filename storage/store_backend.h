#ifndef RUNSD_STORAGE_STORE_BACKEND_H
#define RUNSD_STORAGE_STORE_BACKEND_H

#include <stdbool.h>

#include "base/core/arena.h"
#include "base/core/build_info.h"
#include "base/core/error.h"
#include "storage/run_store.h"
#include "storage/store_check_report.h"
#include "storage/store_copy_ends.h"
#include "storage/store_holder.h"
#include "storage/store_migration.h"
#include "storage/store_upkeep.h"

// What a back-end is to the rest of the program: a constant NAME_backend, which its line in
// storage/backends.h registers. Everything is asked by the location, which is what stands
// behind "SCHEME:" in a URL.
struct store_backend {
    const char *scheme; // "sqlite"
    const char *place;  // what a location names ("file"); NULL: a location must be empty
    // Its stores are kept on a database server: what run_store_options has for such is for them.
    bool is_on_server;

    // Returns the location of a store of its own below folder, which exists and is empty:
    // what a test opens. NULL: a test makes one by other means (tests/storage/store_contract.h).
    const char *(*location_below)(struct arena *a, const char *folder);

    // Returns the store's URL for logs, without passwords.
    const char *(*describe)(struct arena *a, const char *location);

    // See run_store_open.
    const struct error *(*open)(struct arena *a, const char *location,
                                const struct run_store_options *options,
                                struct run_store **ret_store);

    // See run_store_check. NULL: stores of this kind are not checked by us.
    const struct error *(*check)(struct arena *a, const char *location, bool accept,
                                 struct store_check_report *ret);

    // See run_store_migrate. NULL: its stores are made, and brought up to date, as they are opened.
    const struct error *(*migrate)(struct arena *a, const char *location,
                                   struct store_migration *ret);

    // What is done with its stores as a whole; see storage/store_keeping.h.
    const struct store_upkeep *upkeep;

    // Open a store as one end of a copy (run_store_copy). Both NULL: it outlives no process, and is
    // never copied. With is_settled the source is a target whose rows are all there, and which
    // still has its mark.
    //
    // Errors, in a: as run_store_open, FAILED_PRECONDITION also where a server uses the store, with
    // who it is, where its schema is not this program's, where it is half of a copy, and where a
    // server that was killed left something to be done; of a target also where it is not empty.
    const struct error *(*open_source)(struct arena *a, const char *location, bool is_settled,
                                       struct store_source **ret_source);
    const struct error *(*open_target)(struct arena *a, const char *location,
                                       struct store_target **ret_target);
    // Returns where the store is, as a text that no other store has; NULL if that is not known.
    const char *(*place_of)(struct arena *a, const char *location);

    // See store_holder_publish, store_holder_withdraw, store_holder_read. All NULL: nothing is
    // published, and store_holder_read finds no holder.
    const struct error *(*publish_holder)(struct arena *a, const char *location,
                                          const struct store_holder *holder);
    void (*withdraw_holder)(const char *location);
    const struct error *(*read_holder)(struct arena *a, const char *location,
                                       struct store_holder *ret_holder);

    // See run_store_socket_path. NULL: there is no such place.
    const char *(*socket_path)(struct arena *a, const char *location);

    // Adds the libraries that its stores are kept with. NULL: none.
    void (*add_libraries)(struct build_libraries *libraries);
};

#endif
