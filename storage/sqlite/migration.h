#ifndef RUNSD_STORAGE_SQLITE_MIGRATION_H
#define RUNSD_STORAGE_SQLITE_MIGRATION_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "base/log/log.h"
#include "storage/sqlite/store_check.h"

struct migration_options {
    bool is_whole; // what came of it is checked whole
    const struct logger *log;
    // Called once a second with what is being done; NULL: nobody asks.
    void (*on_step)(void *context, const char *step);
    void *context;
};

// Brings the database of path from version, which is sound, to SCHEMA_VERSION in one
// transaction: if it fails, or the process is killed, nothing has changed and the next start
// begins again. Nothing has changed either where what came of it does not fit together, all of
// it if is_whole, else by sample: that is in ret_problems. Logs how far it is once a second.
// DATA_LOSS, UNAVAILABLE.
const struct error *migration_run(struct arena *a, sqlite3 *db, const char *path, int64_t version,
                                  const struct migration_options *options,
                                  struct store_problems *ret_problems);

#endif
