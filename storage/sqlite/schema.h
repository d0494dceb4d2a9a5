#ifndef RUNSD_STORAGE_SQLITE_SCHEMA_H
#define RUNSD_STORAGE_SQLITE_SCHEMA_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/core/arena.h"
#include "base/core/error.h"
#include "storage/sqlite/run_columns.h"

// Marks the file as one of ours (PRAGMA application_id): "runs".
#define SCHEMA_APPLICATION_ID 0x72756E73

enum {
    SCHEMA_BASE = 4,    // that of the tables in schema.c
    SCHEMA_TOKENS = 5,  // that of the columns of a token's rotations and uses
    SCHEMA_LEASES = 6,  // that of the table run_term, and of what leads to it
    SCHEMA_FLOORS = 7,  // that of an organization's floor
    SCHEMA_JOBS = 8,    // that of what storage/sqlite/schema_jobs.h has
    SCHEMA_TENANTS = 9, // that of what storage/sqlite/schema_tenants.h has
    SCHEMA_COLUMNS = sizeof(union run_columns_version),
    // The version (PRAGMA user_version) that this program makes and migrates to: that of the
    // newest column.
    SCHEMA_VERSION = SCHEMA_COLUMNS > SCHEMA_TENANTS ? SCHEMA_COLUMNS : SCHEMA_TENANTS,
    // The oldest version whose programs may serve what this program writes: columns that have a
    // default do not change it. It is kept in the store, which by it tells older programs that
    // they may, after an upgrade that is taken back. A program from before the jobs would change
    // runs of frozen organizations, forget keys, and leave run_count behind.
    SCHEMA_OLDEST_PROGRAM = SCHEMA_JOBS,
};

// Makes the tables and the secret in an empty database, in one transaction.
// Returns SQLite's code.
int schema_create(sqlite3 *db);

// Reads the database's version. FAILED_PRECONDITION if it is newer than SCHEMA_VERSION and
// does not say that programs of SCHEMA_VERSION may serve it (the message names both),
// DATA_LOSS, UNAVAILABLE.
const struct error *schema_check_version(struct arena *a, sqlite3 *db, const char *path,
                                         int64_t *ret_version);

// Looks whether a database of version is sound: every table and index is there and its first
// and last page can be read. DATA_LOSS, UNAVAILABLE.
const struct error *schema_probe(struct arena *a, sqlite3 *db, const char *path, int64_t version);

// The parts of a migration, in its transaction: the tables of SCHEMA_BASE that older versions
// have not; the columns of versions after from; what says which version it is. Return SQLite's
// code.
int schema_create_tables(sqlite3 *db);
int schema_add_columns(sqlite3 *db, int from);
int schema_write_version(sqlite3 *db);

// Reads, or writes in the open transaction, the key of the event up to which the rows of runs
// and organizations are up to date. Return SQLite's code.
int schema_applied(sqlite3 *db, int64_t *ret_event);
int schema_write_applied(sqlite3 *db, int64_t event);

// Reads the epoch (struct run_store), or makes and writes another one. Return SQLite's code.
int schema_read_epoch(sqlite3 *db, uint64_t *ret_epoch);
int schema_renew_epoch(sqlite3 *db, uint64_t *ret_epoch);

// Reads the floor of attempts (run_attempt_after), or raises it, where the store is put back to an
// earlier moment, above all attempts that may have been given after it: to the time in
// microseconds, as more than one attempt a microsecond cannot have been given. Return SQLite's
// code.
int schema_attempt_floor(sqlite3 *db, int64_t *ret_floor);
int schema_raise_attempt_floor(sqlite3 *db);

// Writes the floor of attempts in the open transaction. Returns SQLite's code.
int schema_write_attempt_floor(sqlite3 *db, int64_t floor);

// Reads the store's secret of STORE_SECRET_BYTES. Returns SQLite's code.
int schema_read_secret(sqlite3 *db, uint8_t *ret_secret);

// The key of the newest event that there is or was; 0 if there never was one.
#define SCHEMA_NEWEST_EVENT_SQL                                                                    \
    "max(coalesce((SELECT max(event_key) FROM event), 0),"                                         \
    " coalesce((SELECT value FROM meta WHERE name='erased'), 0))"

// Reads it. Returns SQLite's code.
int schema_newest_event(sqlite3 *db, int64_t *ret_event);

// Writes in the open transaction that the newest event is deleted, so that its key is never given
// again. Returns SQLite's code.
int schema_write_erased(sqlite3 *db, int64_t event);

#endif
