#ifndef RUNSD_STORAGE_SQLITE_SCHEMA_H
#define RUNSD_STORAGE_SQLITE_SCHEMA_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/sqlite/run_columns.h"

// Marks the file as one of ours (PRAGMA application_id): "runs".
#define SCHEMA_APPLICATION_ID 0x72756E73

// The version (PRAGMA user_version) that this program reads and writes: as many as there are
// steps, or that of a run's newest column.
enum {
    SCHEMA_STEPS = 3,
    SCHEMA_COLUMNS = sizeof(union run_columns_version),
    SCHEMA_VERSION = SCHEMA_COLUMNS > SCHEMA_STEPS ? SCHEMA_COLUMNS : SCHEMA_STEPS,
};

// Makes the tables and the secret in an empty database, in one transaction.
// Returns SQLite's code.
int schema_create(sqlite3 *db);

// Reads the database's version. FAILED_PRECONDITION if it is newer than
// SCHEMA_VERSION (the message names both), DATA_LOSS, UNAVAILABLE.
const struct error *schema_check_version(struct arena *a, sqlite3 *db, const char *path,
                                         int64_t *ret_version);

// Brings the database of path from version to SCHEMA_VERSION, in one transaction,
// after having looked whether it is sound: every table and index is there and its
// first and last page can be read. DATA_LOSS, UNAVAILABLE. Nothing is changed on
// failure.
const struct error *schema_upgrade(struct arena *a, sqlite3 *db, const char *path, int64_t version);

// Reads the store's secret of STORE_SECRET_BYTES. Returns SQLite's code.
int schema_read_secret(sqlite3 *db, uint8_t *ret_secret);

// Reads the key of the newest event, 0 if there is none. Returns SQLite's code.
int schema_newest_event(sqlite3 *db, int64_t *ret_event);

#endif
