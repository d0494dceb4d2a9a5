#include "storage/sqlite/schema.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "storage/run_store.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/run_row.h"

// What leads from version i to version i + 1. A step that was released is never
// changed: files made by it exist. Columns of a run's fields that came later than version 1 are
// not here but in storage/sqlite/run_columns.h.
//
// Tables have rowids throughout: with a row of 1.3 kB, WITHOUT ROWID costs two
// and a half times as much. What a transition changes is small and apart from
// what it does not (run_body), so that a cancel rewrites few bytes.
static const char *const steps[SCHEMA_STEPS] = {
    // Instants are microseconds since the epoch; statuses are numbered as
    // runs.v1.RunStatus. previous_status is that before the newest event: an
    // UPDATE can return new values only, and the event needs the old.
    "CREATE TABLE meta("
    "  name TEXT PRIMARY KEY,"
    "  value BLOB NOT NULL);"

    "CREATE TABLE run("
    "  run_key INTEGER PRIMARY KEY,"
    "  organization TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  status INTEGER NOT NULL,"
    "  previous_status INTEGER NOT NULL,"
    "  started_at INTEGER NOT NULL,"
    "  updated_at INTEGER NOT NULL,"
    "  finished_at INTEGER NOT NULL," // 0: not finished
    "  sequence INTEGER NOT NULL,"    // of the newest event
    "  total_cu REAL,"                // NULL: not a number
    "  workflow_id TEXT NOT NULL);"
    "CREATE UNIQUE INDEX run_by_id ON run(organization, id);"
    "CREATE INDEX run_by_start ON run(organization, started_at, id);"
    "CREATE INDEX run_by_workflow ON run(organization, workflow_id, started_at, id);"

    "CREATE TABLE run_body("
    "  run_key INTEGER PRIMARY KEY,"
    "  spec BLOB NOT NULL,"
    "  execution_state BLOB NOT NULL);"

    // event_key grows with every event of any run: the order of the feed.
    // Events of the newest key are never deleted, so keys are never reused.
    "CREATE TABLE event("
    "  event_key INTEGER PRIMARY KEY,"
    "  run_key INTEGER NOT NULL,"
    "  sequence INTEGER NOT NULL,"
    "  from_status INTEGER NOT NULL," // 0: the run's creation
    "  to_status INTEGER NOT NULL,"
    "  at INTEGER NOT NULL,"
    "  actor TEXT NOT NULL,"
    "  reason TEXT NOT NULL);"
    "CREATE UNIQUE INDEX event_by_run ON event(run_key, sequence);"

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
    "CREATE UNIQUE INDEX token_by_hash ON token(hash);",

    // Active runs are few among many finished ones: listing them must not walk
    // past those.
    "CREATE INDEX run_active ON run(organization, started_at, id) WHERE status IN (1, 2);",

    // A run's events are a chain from its newest one: an index of them cost each
    // transition a page of its own, a quarter of what a cancel costs the store.
    // previous_event of a run is that of its newest event, as previous_status is.
    "ALTER TABLE run ADD COLUMN newest_event INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE run ADD COLUMN previous_event INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE event ADD COLUMN previous_event INTEGER NOT NULL DEFAULT 0;" // 0: the first
    "UPDATE event SET previous_event=coalesce("
    "  (SELECT p.event_key FROM event AS p INDEXED BY event_by_run"
    "   WHERE p.run_key=event.run_key AND p.sequence=event.sequence-1), 0);"
    "UPDATE run SET newest_event=("
    "  SELECT e.event_key FROM event AS e INDEXED BY event_by_run"
    "  WHERE e.run_key=run.run_key AND e.sequence=run.sequence);"
    "DROP INDEX event_by_run;",
};

// What adds a run's columns, and in which version they came.
#define ADD_TO(table, name, sql, since)     {"ALTER TABLE " table " ADD COLUMN " #name " " sql, since},
#define ROW_COLUMN(NAME, name, sql, since)  ADD_TO("run", name, sql, since)
#define BODY_COLUMN(NAME, name, sql, since) ADD_TO("run_body", name, sql, since)
static const struct {
    const char *add;
    int since;
} columns[] = {RUN_ROW_FIELDS(ROW_COLUMN, ) RUN_BODY_FIELDS(BODY_COLUMN, )};

// Adds the columns of a version behind the first, whose tables have theirs.
static int add_columns(sqlite3 *db, int version) {
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof(columns) / sizeof(columns[0]); i++) {
        if (version > 1 && columns[i].since == version) {
            rc = sqlite_run(db, columns[i].add);
        }
    }
    return rc;
}

static int run_steps(sqlite3 *db, int from) {
    for (int version = from; version < SCHEMA_VERSION; version++) {
        int rc = version < SCHEMA_STEPS ? sqlite_run(db, steps[version]) : SQLITE_OK;
        if (rc == SQLITE_OK) {
            rc = add_columns(db, version + 1);
        }
        if (rc != SQLITE_OK) {
            return rc;
        }
    }
    char set_version[64];
    snprintf(set_version, sizeof(set_version), "PRAGMA user_version=%d", SCHEMA_VERSION);
    return sqlite_run(db, set_version);
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
        rc = run_steps(db, 0);
    }
    if (rc == SQLITE_OK) {
        rc = store_secret(db);
    }
    return rc == SQLITE_OK ? sqlite_run(db, "COMMIT") : rc;
}

// Reads the ends of every table and index. Cheap at any size; damage within is
// found when it is read.
static int probe(sqlite3 *db, int64_t version) {
    static const char *const queries[] = {
        "SELECT value FROM meta WHERE name='secret'",
        "SELECT status FROM run ORDER BY run_key LIMIT 1",
        "SELECT status FROM run ORDER BY run_key DESC LIMIT 1",
        "SELECT run_key FROM run INDEXED BY run_by_id WHERE organization>='' LIMIT 1",
        "SELECT run_key FROM run INDEXED BY run_by_start WHERE organization>='' LIMIT 1",
        "SELECT run_key FROM run INDEXED BY run_by_workflow WHERE organization>='' LIMIT 1",
        "SELECT length(spec) FROM run_body ORDER BY run_key LIMIT 1",
        "SELECT length(spec) FROM run_body ORDER BY run_key DESC LIMIT 1",
        "SELECT at FROM event ORDER BY event_key LIMIT 1",
        "SELECT at FROM event ORDER BY event_key DESC LIMIT 1",
        "SELECT token_key FROM token ORDER BY token_key DESC LIMIT 1",
        "SELECT token_key FROM token INDEXED BY token_by_name WHERE organization>='' LIMIT 1",
        "SELECT token_key FROM token INDEXED BY token_by_hash WHERE hash>=x'' LIMIT 1",
    };
    // Indexes that only some versions have.
    static const struct {
        int64_t first;
        int64_t last;
        const char *query;
    } of_versions[] = {
        {1, 2, "SELECT event_key FROM event INDEXED BY event_by_run WHERE run_key>=0 LIMIT 1"},
        {2, SCHEMA_VERSION,
         "SELECT run_key FROM run INDEXED BY run_active"
         " WHERE organization>='' AND " RUN_ROW_ACTIVE_SQL " LIMIT 1"},
    };
    size_t common = sizeof(queries) / sizeof(queries[0]);
    size_t count = common + sizeof(of_versions) / sizeof(of_versions[0]);
    for (size_t i = 0; i < count; i++) {
        const char *query = i < common ? queries[i] : of_versions[i - common].query;
        if (i >= common &&
            (version < of_versions[i - common].first || version > of_versions[i - common].last)) {
            continue;
        }
        int64_t ignored;
        int rc = sqlite_query_int(db, query, &ignored);
        if (rc == SQLITE_ERROR) {
            return SQLITE_CORRUPT; // a table or an index that ours has is missing
        }
        if (rc != SQLITE_OK && rc != SQLITE_DONE) {
            return rc;
        }
    }
    return SQLITE_OK;
}

static const struct error *migrate(struct arena *a, sqlite3 *db, const char *path, int from) {
    int rc = sqlite_run(db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK) {
        rc = run_steps(db, from);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite_run(db, "COMMIT");
    }
    if (rc != SQLITE_OK) {
        const struct error *e =
            sqlite_error(a, db, rc, path, "bringing its schema to this program's version");
        sqlite_run(db, "ROLLBACK");
        return e;
    }
    return NULL;
}

const struct error *schema_check_version(struct arena *a, sqlite3 *db, const char *path,
                                         int64_t *ret_version) {
    int64_t version = 0;
    int rc = sqlite_query_int(db, "PRAGMA user_version", &version);
    if (rc != SQLITE_OK) {
        return sqlite_error(a, db, rc, path, "reading its schema's version");
    }
    if (version > SCHEMA_VERSION) {
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

const struct error *schema_upgrade(struct arena *a, sqlite3 *db, const char *path,
                                   int64_t version) {
    int rc = probe(db, version);
    if (rc != SQLITE_OK) {
        return sqlite_error(a, db, rc, path, "reading its tables");
    }
    return version < SCHEMA_VERSION ? migrate(a, db, path, (int)version) : NULL;
}

int schema_read_secret(sqlite3 *db, uint8_t *ret_secret) {
    int rc = sqlite_query_blob(db, "SELECT value FROM meta WHERE name='secret'", ret_secret,
                               STORE_SECRET_BYTES);
    return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

int schema_newest_event(sqlite3 *db, int64_t *ret_event) {
    return sqlite_query_int(db, "SELECT coalesce(max(event_key), 0) FROM event", ret_event);
}
