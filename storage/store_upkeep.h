#ifndef RUNSD_STORAGE_STORE_UPKEEP_H
#define RUNSD_STORAGE_STORE_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"

// What is done with a store as a whole, by another process than the one that serves it: backups,
// restores, measures, freezes. See storage/store_keeping.h for what each function does.

struct store_backup_options {
    const char *file;
    bool replaces; // a file that is there; else it is refused
    // How large the store's write-ahead log may become meanwhile, which cannot be used anew until
    // the store is copied; 0: no limit. The backup is given up where it does.
    int64_t log_limit_bytes;
};

struct store_backup {
    int64_t bytes; // of the file
    int64_t runs;
    int64_t newest_event;     // 0: there is none
    int64_t copied_us;        // how long the store was read, which is how long its log was held
    int64_t verified_us;      // how long the copy was checked
    int64_t log_before_bytes; // the write-ahead log's file
    int64_t log_bytes;        // likewise, at its largest
    bool is_served;           // by another process, when it began
};

struct store_restore {
    int64_t bytes;
    int64_t runs;
    int64_t newest_event;
    int schema;
    uint64_t epoch; // the new one
};

struct store_table {
    const char *name;
    int64_t rows;
    int64_t bytes; // of its pages, those of its indexes included; -1: not known
};

struct store_tenant {
    const char *name;
    int64_t runs;
    int64_t stored_bytes; // -1: not known yet; may be behind where the store is served
    int64_t revision;     // likewise
};

// Texts and arrays live in the arena that was given. Instants are 0 where there is nothing.
struct store_measures {
    int64_t file_bytes;
    int64_t log_bytes;
    int64_t free_bytes; // of the file, used again
    int schema;
    uint64_t epoch;
    int64_t oldest_run_us;
    int64_t newest_run_us;
    int64_t oldest_event_us;
    int64_t newest_event_us;
    int64_t newest_event;
    bool is_served;
    const struct store_table *tables; // the largest first
    int table_count;
    const struct store_tenant *tenants; // those with the most runs, the largest first
    int tenant_count;
};

struct store_freeze_options {
    int64_t longest_us;
    // Called once, when nothing is written any more; the freeze ends by itself at until_us.
    void (*on_frozen)(void *context, int64_t until_us);
    // Asked some 20 times a second: whether the caller ends it.
    bool (*is_ended)(void *context);
    void *context;
};

// Functions that are NULL cannot be done; instead_of_... then says, as the end of a sentence for
// people, what to use. All take what stands behind "SCHEME:" of a URL.
struct store_upkeep {
    const struct error *(*backup)(struct arena *a, const char *location,
                                  const struct store_backup_options *options,
                                  struct store_backup *ret);
    const struct error *(*restore)(struct arena *a, const char *location, const char *file,
                                   struct store_restore *ret);
    const struct error *(*measure)(struct arena *a, const char *location, int tenants,
                                   struct store_measures *ret);
    const struct error *(*freeze)(struct arena *a, const char *location,
                                  const struct store_freeze_options *options, bool *ret_in_time);
    const struct error *(*thaw)(struct arena *a, const char *location, bool *ret_was_frozen);
    const char *instead_of_backup; // and of restore
    const char *instead_of_measure;
    const char *instead_of_freeze;
};

#endif
