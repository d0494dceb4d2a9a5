#include "storage/sqlite/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/core/clock.h"
#include "storage/run_store.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/row_status.h"
#include "storage/sqlite/schema_jobs.h"
#include "storage/sqlite/schema_tenants.h"
#include "storage/sqlite/term_row.h"

// The tables of SCHEMA_BASE, with the columns of a run's fields that are no newer
// (storage/sqlite/run_columns.h). Older stores come to it by storage/sqlite/migration.h; what
// comes later is added, each with a version: SCHEMA_TOKENS the columns of token, SCHEMA_LEASES the
// table run_term, SCHEMA_FLOORS the column of organization, SCHEMA_JOBS what schema_jobs.h has,
// SCHEMA_TENANTS what schema_tenants.h has, one of its own each field of run and run_body.
//
// What a transition changes is small and apart from what it does not (run_body): a page
// has some seventy rows of run, in the order of the ids, which is the order of the starts where
// ids are UUIDs of version 7.
//
// Instants are microseconds since the epoch; statuses are numbered as runs.v1.RunStatus; ids are
// stored as storage/sqlite/run_id.h says.
static const char tables[] =
    "CREATE TABLE run("
    "  organization TEXT NOT NULL,"
    "  id BLOB NOT NULL,"
    "  run_key INTEGER NOT NULL,"
    "  workflow_key INTEGER NOT NULL,"
    "  status INTEGER NOT NULL,"
    "  started_at INTEGER NOT NULL,"
    "  updated_at INTEGER NOT NULL," // of the newest event; a final run's end
    "  sequence INTEGER NOT NULL,"   // of the newest event
    "  newest_event INTEGER NOT NULL,"
    "  attempt INTEGER NOT NULL,"
    "  total_cu REAL," // NULL: not a number
    "  PRIMARY KEY(organization, id)) WITHOUT ROWID;"
    "CREATE INDEX run_by_start ON run(organization, started_at, id);"
    "CREATE INDEX run_by_workflow ON run(workflow_key, started_at, id);"
    // Active runs are few among many finished ones: listing them must not walk past those.
    "CREATE INDEX run_active ON run(organization, started_at, id) WHERE " RUN_ROW_ACTIVE_SQL ";"

    "CREATE TABLE workflow("
    "  workflow_key INTEGER PRIMARY KEY,"
    "  organization TEXT NOT NULL,"
    "  id TEXT NOT NULL);"
    "CREATE UNIQUE INDEX workflow_by_id ON workflow(organization, id);"

    // event_key grows with every event of any run: the order of the feed. That of the newest one is
    // kept where it is deleted (schema_write_erased), so keys are never reused. An event says all
    // that it changed, so a run's row may be brought up to date later.
    "CREATE TABLE event("
    "  event_key INTEGER PRIMARY KEY,"
    "  organization TEXT NOT NULL,"
    "  id BLOB NOT NULL,"          // of the run
    "  revision INTEGER NOT NULL," // of the organization: 1, 2, 3, ...
    "  kind INTEGER NOT NULL,"     // enum store_event_kind
    "  sequence INTEGER NOT NULL," // of the run: 1, 2, 3, ...
    "  from_status INTEGER NOT NULL,"
    "  to_status INTEGER NOT NULL,"
    "  at INTEGER NOT NULL,"
    "  attempt INTEGER NOT NULL,"
    "  actor TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  request_id TEXT NOT NULL,"
    "  remote_address TEXT NOT NULL,"
    "  idempotency_key TEXT NOT NULL,"
    "  previous_of_run INTEGER NOT NULL,"           // event_key; 0: the first
    "  previous_of_organization INTEGER NOT NULL);" // likewise
    "CREATE TABLE event_mark("
    "  organization TEXT NOT NULL,"
    "  revision INTEGER NOT NULL,"
    "  event_key INTEGER NOT NULL,"
    "  PRIMARY KEY(organization, revision)) WITHOUT ROWID;"
    "CREATE TABLE organization("
    "  name TEXT PRIMARY KEY,"
    "  revision INTEGER NOT NULL," // of its newest event, as far as rows are up to date
    "  newest_event INTEGER NOT NULL) WITHOUT ROWID;";

// Tables that older versions have, too.
static const char common_tables[] =
    "CREATE TABLE meta("
    "  name TEXT PRIMARY KEY,"
    "  value BLOB NOT NULL);"

    "CREATE TABLE run_body("
    "  run_key INTEGER PRIMARY KEY,"
    "  spec BLOB NOT NULL,"
    "  execution_state BLOB NOT NULL);"

    "CREATE TABLE token("
    "  token_key INTEGER PRIMARY KEY,"
    "  organization TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  hash BLOB NOT NULL,"
    "  scopes INTEGER NOT NULL,"
    "  created_at INTEGER NOT NULL,"
    "  expires_at INTEGER NOT NULL,"  // 0: never
    "  revoked_at INTEGER NOT NULL);" // 0: not revoked
    "CREATE UNIQUE INDEX token_by_name ON token(organization, name);"
    "CREATE UNIQUE INDEX token_by_hash ON token(hash);";

int schema_create_tables(sqlite3 *db) {
    return sqlite_run(db, tables);
}

// What adds columns, and in which version they came.
#define ADD_TO(table, name, sql, since)     {"ALTER TABLE " table " ADD COLUMN " #name " " sql, since},
#define ROW_COLUMN(NAME, name, sql, since)  ADD_TO("run", name, sql, since)
#define BODY_COLUMN(NAME, name, sql, since) ADD_TO("run_body", name, sql, since)
static const struct {
    const char *add;
    int since;
} columns[] = {
    RUN_ROW_FIELDS(ROW_COLUMN, ) RUN_BODY_FIELDS(BODY_COLUMN, )
    // Of two secrets of a token hash, created_at and expires_at are the newest one's. A program
    // of the version before knows none but that, and revokes both.
    {"ALTER TABLE token ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT 0;" // 0: never
     "ALTER TABLE token ADD COLUMN rotations INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE token ADD COLUMN rotated_at INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE token ADD COLUMN previous_hash BLOB;" // NULL: it has one secret
     "ALTER TABLE token ADD COLUMN previous_created_at INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE token ADD COLUMN previous_expires_at INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE token ADD COLUMN previous_last_used_at INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE token ADD COLUMN denials INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE token ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;"
     "CREATE UNIQUE INDEX token_by_previous_hash ON token(previous_hash)"
     " WHERE previous_hash IS NOT NULL;",
     SCHEMA_TOKENS},
    // What most runs have not is apart from run, whose rows say whether there is any. It has what
    // its indexes need of run. Its rows are written with each change of their run, in its
    // transaction, unlike those of run, so that what the indexes say is always true.
    {"ALTER TABLE event ADD COLUMN holder TEXT NOT NULL DEFAULT '';" // empty: nobody held the run
     "ALTER TABLE run ADD COLUMN has_terms INTEGER NOT NULL DEFAULT 0;"
     "CREATE TABLE run_term("
     "  run_key INTEGER PRIMARY KEY,"
     "  organization TEXT NOT NULL,"
     "  id BLOB NOT NULL,"
     "  workflow_key INTEGER NOT NULL,"
     "  started_at INTEGER NOT NULL,"
     "  dispatch INTEGER NOT NULL,"            // enum run_dispatch
     "  fails_on_lease_loss INTEGER NOT NULL," // 0 or 1
     "  on_timeout INTEGER NOT NULL,"          // a status; 0: there is no deadline
     "  timeout_at INTEGER NOT NULL,"          // 0: none
     "  waiting_timeout INTEGER NOT NULL,"     // microseconds; 0: none
     "  state INTEGER NOT NULL,"               // enum term_state
     "  holder TEXT NOT NULL,"                 // empty: nobody
     "  lease INTEGER NOT NULL,"               // microseconds; 0: nobody holds it
     "  waiting_until INTEGER NOT NULL,"       // 0: no such deadline is open
     "  due_at INTEGER NOT NULL,"              // the sooner open deadline; 0: none
     "  stopped_at INTEGER NOT NULL);"         // 0: not known
     "CREATE INDEX term_open ON run_term(organization, started_at, id)"
     " WHERE " TERM_ROW_OPEN_SQL ";"
     "CREATE INDEX term_open_by_workflow ON run_term(workflow_key, started_at, id)"
     " WHERE " TERM_ROW_OPEN_SQL ";"
     "CREATE INDEX term_held ON run_term(organization, holder, started_at, id)"
     " WHERE " TERM_ROW_HELD_SQL ";"
     "CREATE INDEX term_due ON run_term(due_at) WHERE " TERM_ROW_DUE_SQL ";",
     SCHEMA_LEASES},
    // A program of the version before has no feed, and leaves it as it is.
    {"ALTER TABLE organization ADD COLUMN floor_revision INTEGER NOT NULL DEFAULT 0",
     SCHEMA_FLOORS},
    {SCHEMA_JOBS_SQL, SCHEMA_JOBS},
    {SCHEMA_TENANTS_SQL, SCHEMA_TENANTS},
};

int schema_add_columns(sqlite3 *db, int from) {
    int rc = SQLITE_OK;
    for (int version = from + 1; version <= SCHEMA_VERSION; version++) {
        for (size_t i = 0; rc == SQLITE_OK && i < sizeof(columns) / sizeof(columns[0]); i++) {
            if (columns[i].since == version) {
                rc = sqlite_run(db, columns[i].add);
            }
        }
    }
    return rc;
}

// Has meta hold number under name.
static int write_number(sqlite3 *db, const char *name, int64_t number) {
    char sql[256];
    snprintf(sql, sizeof(sql),
             "INSERT INTO meta(name, value) VALUES('%s', %" PRId64 ")"
             " ON CONFLICT(name) DO UPDATE SET value=excluded.value",
             name, number);
    return sqlite_run(db, sql);
}

int schema_write_version(sqlite3 *db) {
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", SCHEMA_VERSION);
    int rc = sqlite_run(db, sql);
    return rc == SQLITE_OK ? write_number(db, "oldest_program", SCHEMA_OLDEST_PROGRAM) : rc;
}

int schema_write_applied(sqlite3 *db, int64_t event) {
    return write_number(db, "applied", event);
}

int schema_renew_epoch(sqlite3 *db, uint64_t *ret_epoch) {
    uint64_t epoch = 0;
    while (epoch == 0) {
        if (getrandom(&epoch, sizeof(epoch), 0) != (ssize_t)sizeof(epoch)) {
            return SQLITE_IOERR;
        }
        epoch &= INT64_MAX; // SQLite's integers are signed
    }
    int rc = write_number(db, "epoch", (int64_t)epoch);
    if (rc == SQLITE_OK) {
        *ret_epoch = epoch;
    }
    return rc;
}

int schema_attempt_floor(sqlite3 *db, int64_t *ret_floor) {
    return sqlite_query_int(
        db, "SELECT coalesce((SELECT value FROM meta WHERE name='attempt_floor'), 0)", ret_floor);
}

int schema_write_attempt_floor(sqlite3 *db, int64_t floor) {
    return write_number(db, "attempt_floor", floor);
}

int schema_raise_attempt_floor(sqlite3 *db) {
    int64_t floor = 0;
    int rc = schema_attempt_floor(db, &floor);
    int64_t now_us = clock_now_us(&clock_system);
    // A clock that went back lowers nothing.
    return rc == SQLITE_OK ? schema_write_attempt_floor(db, now_us > floor ? now_us : floor + 1)
                           : rc;
}

static int store_secret(sqlite3 *db) {
    uint8_t secret[STORE_SECRET_BYTES];
    if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret)) {
        return SQLITE_IOERR;
    }
    sqlite3_stmt *s = NULL;
    int rc =
        sqlite3_prepare_v2(db, "INSERT INTO meta(name, value) VALUES('secret', ?1)", -1, &s, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }
    sqlite_bind_blob(s, 1, slice_of(secret, sizeof(secret)));
    sqlite3_step(s);
    return sqlite3_finalize(s);
}

int schema_create(sqlite3 *db) {
    char set_application[64];
    snprintf(set_application, sizeof(set_application), "PRAGMA application_id=%d",
             SCHEMA_APPLICATION_ID);
    int rc = sqlite_run(db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK) {
        rc = sqlite_run(db, set_application);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite_run(db, common_tables);
    }
    if (rc == SQLITE_OK) {
        rc = schema_create_tables(db);
    }
    if (rc == SQLITE_OK) {
        rc = schema_add_columns(db, SCHEMA_BASE);
    }
    if (rc == SQLITE_OK) {
        rc = store_secret(db);
    }
    if (rc == SQLITE_OK) {
        rc = schema_write_version(db);
    }
    uint64_t epoch;
    if (rc == SQLITE_OK) {
        rc = schema_renew_epoch(db, &epoch);
    }
    if (rc == SQLITE_OK) {
        rc = schema_write_applied(db, 0);
    }
    return rc == SQLITE_OK ? sqlite_run(db, "COMMIT") : rc;
}

// Reads the ends of every table and index. Cheap at any size; damage within is
// found when it is read.
static int probe(sqlite3 *db, int64_t version) {
    static const struct {
        int64_t first; // version
        int64_t last;
        const char *query;
    } probes[] = {
#define EVER    1, INT64_MAX
#define BEFORE  1, SCHEMA_BASE - 1
#define BASE_ON SCHEMA_BASE, INT64_MAX
#define TOKENS  SCHEMA_TOKENS, INT64_MAX
#define FLOORS  SCHEMA_FLOORS, INT64_MAX
#define LEASES  SCHEMA_LEASES, INT64_MAX
#define JOBS    SCHEMA_JOBS, INT64_MAX
#define TENANTS SCHEMA_TENANTS, INT64_MAX
        {EVER, "SELECT value FROM meta WHERE name='secret'"},
        {EVER, "SELECT length(spec) FROM run_body ORDER BY run_key LIMIT 1"},
        {EVER, "SELECT length(spec) FROM run_body ORDER BY run_key DESC LIMIT 1"},
        {EVER, "SELECT at FROM event ORDER BY event_key LIMIT 1"},
        {EVER, "SELECT at FROM event ORDER BY event_key DESC LIMIT 1"},
        {EVER, "SELECT run_key FROM run INDEXED BY run_by_start WHERE organization>='' LIMIT 1"},
        {EVER, "SELECT token_key FROM token ORDER BY token_key DESC LIMIT 1"},
        {EVER, "SELECT token_key FROM token INDEXED BY token_by_name WHERE organization>=''"
               " LIMIT 1"},
        {EVER, "SELECT token_key FROM token INDEXED BY token_by_hash WHERE hash>=x'' LIMIT 1"},
        {BEFORE, "SELECT status FROM run ORDER BY run_key LIMIT 1"},
        {BEFORE, "SELECT status FROM run ORDER BY run_key DESC LIMIT 1"},
        {BEFORE, "SELECT run_key FROM run INDEXED BY run_by_id WHERE organization>='' LIMIT 1"},
        {BEFORE, "SELECT run_key FROM run INDEXED BY run_by_workflow WHERE organization>=''"
                 " LIMIT 1"},
        {1, 2, "SELECT event_key FROM event INDEXED BY event_by_run WHERE run_key>=0 LIMIT 1"},
        {2, INT64_MAX,
         "SELECT run_key FROM run INDEXED BY run_active"
         " WHERE organization>='' AND " RUN_ROW_ACTIVE_SQL " LIMIT 1"},
        {BASE_ON, "SELECT status FROM run ORDER BY organization, id LIMIT 1"},
        {BASE_ON, "SELECT status FROM run ORDER BY organization DESC, id DESC LIMIT 1"},
        {BASE_ON, "SELECT id FROM run INDEXED BY run_by_workflow WHERE workflow_key>=0 LIMIT 1"},
        {BASE_ON, "SELECT id FROM workflow ORDER BY workflow_key DESC LIMIT 1"},
        {BASE_ON, "SELECT id FROM workflow INDEXED BY workflow_by_id WHERE organization>=''"
                  " LIMIT 1"},
        {BASE_ON, "SELECT revision FROM organization ORDER BY name LIMIT 1"},
        {BASE_ON, "SELECT event_key FROM event_mark ORDER BY organization LIMIT 1"},
        {TOKENS, "SELECT rotations FROM token INDEXED BY token_by_previous_hash"
                 " WHERE previous_hash>=x'' LIMIT 1"},
        {FLOORS, "SELECT floor_revision FROM organization ORDER BY name DESC LIMIT 1"},
        {LEASES, "SELECT has_terms FROM run ORDER BY organization, id LIMIT 1"},
        {LEASES, "SELECT length(holder) FROM event ORDER BY event_key DESC LIMIT 1"},
        {LEASES, "SELECT dispatch FROM run_term ORDER BY run_key LIMIT 1"},
        {LEASES, "SELECT stopped_at FROM run_term ORDER BY run_key DESC LIMIT 1"},
        {LEASES, "SELECT run_key FROM run_term INDEXED BY term_open"
                 " WHERE organization>='' AND " TERM_ROW_OPEN_SQL " LIMIT 1"},
        {LEASES, "SELECT run_key FROM run_term INDEXED BY term_open_by_workflow"
                 " WHERE workflow_key>=0 AND " TERM_ROW_OPEN_SQL " LIMIT 1"},
        {LEASES, "SELECT run_key FROM run_term INDEXED BY term_held"
                 " WHERE organization>='' AND " TERM_ROW_HELD_SQL " LIMIT 1"},
        {LEASES,
         "SELECT run_key FROM run_term INDEXED BY term_due WHERE " TERM_ROW_DUE_SQL " LIMIT 1"},
        {JOBS,
         "SELECT workflow_key, length(key_digest) FROM event ORDER BY event_key DESC LIMIT 1"},
        {JOBS, "SELECT frozen_at, cancelled FROM organization ORDER BY name LIMIT 1"},
        {JOBS, "SELECT event_key FROM idempotency_event ORDER BY name LIMIT 1"},
        {JOBS, "SELECT event_key FROM idempotency_event ORDER BY name DESC LIMIT 1"},
        {JOBS, "SELECT run_key FROM idempotency ORDER BY name LIMIT 1"},
        {JOBS, "SELECT run_key FROM idempotency ORDER BY name DESC LIMIT 1"},
        {JOBS, "SELECT at FROM idempotency INDEXED BY idempotency_by_at WHERE at>=0 LIMIT 1"},
        {JOBS, "SELECT length(id) FROM deletion ORDER BY event_key LIMIT 1"},
        {JOBS, "SELECT length(id) FROM deletion ORDER BY event_key DESC LIMIT 1"},
        {JOBS, "SELECT event_key FROM deletion INDEXED BY deletion_by_run WHERE organization>=''"
               " LIMIT 1"},
        {JOBS, "SELECT length(parent) FROM run_parent ORDER BY organization, id LIMIT 1"},
        {JOBS, "SELECT length(id) FROM run_parent INDEXED BY run_child WHERE organization>=''"
               " LIMIT 1"},
        {JOBS, "SELECT length(id) FROM run_parent INDEXED BY run_gone WHERE organization>=''"
               " AND " FAMILY_ROW_GONE_SQL " LIMIT 1"},
        {JOBS, "SELECT state FROM bulk ORDER BY bulk_key DESC LIMIT 1"},
        {JOBS, "SELECT bulk_key FROM bulk INDEXED BY bulk_by_id WHERE organization>='' LIMIT 1"},
        {JOBS, "SELECT bulk_key FROM bulk INDEXED BY bulk_by_creation WHERE organization>=''"
               " LIMIT 1"},
        {JOBS, "SELECT bulk_key FROM bulk INDEXED BY bulk_at_work WHERE bulk_key>=0"
               " AND " BULK_ROW_AT_WORK_SQL " LIMIT 1"},
        {JOBS, "SELECT bulk_key FROM bulk INDEXED BY bulk_unfinished WHERE organization>=''"
               " AND " BULK_ROW_UNFINISHED_SQL " LIMIT 1"},
        {JOBS, "SELECT bulk_key FROM bulk INDEXED BY bulk_ended WHERE finished_at>=0"
               " AND " BULK_ROW_ENDED_SQL " LIMIT 1"},
        {JOBS, "SELECT bulk_key FROM bulk INDEXED BY bulk_planned WHERE created_at>=0"
               " AND " BULK_ROW_PLANNED_SQL " LIMIT 1"},
        {JOBS, "SELECT bulk_key FROM bulk INDEXED BY bulk_leaving WHERE bulk_key>=0"
               " AND " BULK_ROW_LEAVING_SQL " LIMIT 1"},
        {JOBS, "SELECT outcome FROM bulk_item ORDER BY bulk_key, id LIMIT 1"},
        {JOBS, "SELECT outcome FROM bulk_item INDEXED BY bulk_item_due WHERE bulk_key>=0"
               " AND " BULK_ITEM_DUE_SQL " LIMIT 1"},
        {JOBS, "SELECT running FROM run_count ORDER BY workflow_key DESC LIMIT 1"},
        {TENANTS, "SELECT limit_streams FROM token INDEXED BY token_by_client"
                  " WHERE client_san>='' AND " TOKEN_ROW_CLIENT_SQL " LIMIT 1"},
    };
    for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
        if (version < probes[i].first || version > probes[i].last) {
            continue;
        }
        int64_t ignored;
        int rc = sqlite_query_int(db, probes[i].query, &ignored);
        if (rc == SQLITE_ERROR) {
            return SQLITE_CORRUPT; // a table or an index that ours has is missing
        }
        if (rc != SQLITE_OK && rc != SQLITE_DONE) {
            return rc;
        }
    }
    return SQLITE_OK;
}

// Whether the store, of a version newer than this program's, says that this program may serve
// it.
static int may_serve(sqlite3 *db, bool *ret) {
    int64_t oldest = 0;
    int rc = sqlite_query_int(db, "SELECT value FROM meta WHERE name='oldest_program'", &oldest);
    *ret = rc == SQLITE_OK && oldest <= SCHEMA_VERSION;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

const struct error *schema_check_version(struct arena *a, sqlite3 *db, const char *path,
                                         int64_t *ret_version) {
    int64_t version = 0;
    int rc = sqlite_query_int(db, "PRAGMA user_version", &version);
    if (rc != SQLITE_OK) {
        return sqlite_error(a, db, rc, path, "reading its schema's version");
    }
    bool is_served = version <= SCHEMA_VERSION;
    if (!is_served) {
        rc = may_serve(db, &is_served);
        if (rc != SQLITE_OK && rc != SQLITE_ERROR) {
            return sqlite_error(a, db, rc, path, "reading which programs may serve it");
        }
    }
    if (!is_served) {
        return error_new(a, STATUS_FAILED_PRECONDITION, REASON_NONE,
                         "the store \"%s\" has schema version %lld, this program knows versions up "
                         "to %d; use a newer program",
                         path, (long long)version, SCHEMA_VERSION);
    }
    if (version < 1) {
        return error_new(
            a, STATUS_DATA_LOSS, REASON_NONE,
            "the store \"%s\" has schema version %lld, which no program ever wrote; it "
            "was left as it is",
            path, (long long)version);
    }
    *ret_version = version;
    return NULL;
}

const struct error *schema_probe(struct arena *a, sqlite3 *db, const char *path, int64_t version) {
    int rc = probe(db, version);
    return rc == SQLITE_OK ? NULL : sqlite_error(a, db, rc, path, "reading its tables");
}

int schema_read_secret(sqlite3 *db, uint8_t *ret_secret) {
    int rc = sqlite_query_blob(db, "SELECT value FROM meta WHERE name='secret'", ret_secret,
                               STORE_SECRET_BYTES);
    return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

int schema_newest_event(sqlite3 *db, int64_t *ret_event) {
    return sqlite_query_int(db, "SELECT " SCHEMA_NEWEST_EVENT_SQL, ret_event);
}

int schema_write_erased(sqlite3 *db, int64_t event) {
    return write_number(db, "erased", event);
}

// Reads the integer that meta has under name.
static int read_number(sqlite3 *db, const char *query, int64_t *ret) {
    int rc = sqlite_query_int(db, query, ret);
    return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

int schema_applied(sqlite3 *db, int64_t *ret_event) {
    return read_number(db, "SELECT value FROM meta WHERE name='applied'", ret_event);
}

int schema_read_epoch(sqlite3 *db, uint64_t *ret_epoch) {
    int64_t epoch = 0;
    int rc = read_number(db, "SELECT value FROM meta WHERE name='epoch'", &epoch);
    if (rc == SQLITE_OK) {
        *ret_epoch = (uint64_t)epoch;
    }
    return rc;
}
