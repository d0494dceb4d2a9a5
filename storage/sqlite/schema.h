#ifndef RUNSD_STORAGE_SQLITE_SCHEMA_H
#define RUNSD_STORAGE_SQLITE_SCHEMA_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

// Marks the file as one of ours (PRAGMA application_id): "runs".
#define SCHEMA_APPLICATION_ID 0x72756E73

// The version (PRAGMA user_version) that this program reads and writes.
enum { SCHEMA_VERSION = 3 };

// Makes the tables and the secret in an empty database, in one transaction.
// Returns SQLite's code.
int schema_create(sqlite3 *db);

// Brings the database of path to SCHEMA_VERSION, in one transaction, after
// having looked whether it is sound: every table and index is there and its
// first and last page can be read. FAILED_PRECONDITION if it is newer (the
// message names both versions), DATA_LOSS, UNAVAILABLE. Nothing is changed on
// failure.
const struct error *schema_upgrade(struct arena *a, sqlite3 *db, const char *path);

// Reads the store's secret of STORE_SECRET_BYTES. Returns SQLite's code.
int schema_read_secret(sqlite3 *db, uint8_t *ret_secret);

#endif
