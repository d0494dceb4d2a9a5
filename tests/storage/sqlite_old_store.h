#ifndef RUNSD_TESTS_STORAGE_SQLITE_OLD_STORE_H
#define RUNSD_TESTS_STORAGE_SQLITE_OLD_STORE_H

// The SQL by which earlier programs made their stores, as it was released.

namespace store_testing {

// The tables of version 1, in which a run's events are found by an index.
inline constexpr char kVersion1Tables[] = R"(
CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE run(run_key INTEGER PRIMARY KEY, organization TEXT NOT NULL, id TEXT NOT NULL,
  status INTEGER NOT NULL, previous_status INTEGER NOT NULL, started_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL, finished_at INTEGER NOT NULL, sequence INTEGER NOT NULL,
  total_cu REAL, workflow_id TEXT NOT NULL);
CREATE UNIQUE INDEX run_by_id ON run(organization, id);
CREATE INDEX run_by_start ON run(organization, started_at, id);
CREATE INDEX run_by_workflow ON run(organization, workflow_id, started_at, id);
CREATE TABLE run_body(run_key INTEGER PRIMARY KEY, spec BLOB NOT NULL,
  execution_state BLOB NOT NULL);
CREATE TABLE event(event_key INTEGER PRIMARY KEY, run_key INTEGER NOT NULL,
  sequence INTEGER NOT NULL, from_status INTEGER NOT NULL, to_status INTEGER NOT NULL,
  at INTEGER NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL);
CREATE UNIQUE INDEX event_by_run ON event(run_key, sequence);
CREATE TABLE token(token_key INTEGER PRIMARY KEY, organization TEXT NOT NULL, name TEXT NOT NULL,
  hash BLOB NOT NULL, scopes INTEGER NOT NULL, created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL, revoked_at INTEGER NOT NULL);
CREATE UNIQUE INDEX token_by_name ON token(organization, name);
CREATE UNIQUE INDEX token_by_hash ON token(hash);
INSERT INTO meta VALUES('secret',
  x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
PRAGMA application_id=1920298611;
PRAGMA user_version=1;
)";

// What led from version 1 to version 2, and from there to version 3, in which a run's events are
// a chain.
inline constexpr char kToVersion2[] = R"(
CREATE INDEX run_active ON run(organization, started_at, id) WHERE status IN (1, 2);
PRAGMA user_version=2;
)";
inline constexpr char kToVersion3[] = R"(
ALTER TABLE run ADD COLUMN newest_event INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN previous_event INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN previous_event INTEGER NOT NULL DEFAULT 0;
UPDATE event SET previous_event=coalesce(
  (SELECT p.event_key FROM event AS p INDEXED BY event_by_run
   WHERE p.run_key=event.run_key AND p.sequence=event.sequence-1), 0);
UPDATE run SET newest_event=(
  SELECT e.event_key FROM event AS e INDEXED BY event_by_run
  WHERE e.run_key=run.run_key AND e.sequence=run.sequence);
DROP INDEX event_by_run;
PRAGMA user_version=3;
)";

// What takes what version 9 added away again: what is left are the tables of version 8.
inline constexpr char kBackToVersion8[] = R"(
ALTER TABLE organization DROP COLUMN stored_bytes;
ALTER TABLE organization DROP COLUMN bytes_as_of_event;
ALTER TABLE organization DROP COLUMN bytes_of_runs;
DROP INDEX token_by_client;
ALTER TABLE token DROP COLUMN client_san;
ALTER TABLE token DROP COLUMN limit_reads;
ALTER TABLE token DROP COLUMN limit_changes;
ALTER TABLE token DROP COLUMN limit_bytes;
ALTER TABLE token DROP COLUMN limit_streams;
PRAGMA user_version=8;
)";

// What takes what versions 6 to 8 added away again: what is left are the tables of version 5.
inline constexpr char kBackToVersion5[] = R"(
DROP TABLE run_count;
DROP TABLE bulk_item;
DROP TABLE bulk;
DROP TABLE deletion;
DROP TABLE run_parent;
DROP TABLE idempotency;
DROP TABLE idempotency_event;
ALTER TABLE organization DROP COLUMN frozen_at;
ALTER TABLE organization DROP COLUMN running;
ALTER TABLE organization DROP COLUMN waiting;
ALTER TABLE organization DROP COLUMN success;
ALTER TABLE organization DROP COLUMN failure;
ALTER TABLE organization DROP COLUMN cancelled;
ALTER TABLE event DROP COLUMN workflow_key;
ALTER TABLE event DROP COLUMN key_digest;
ALTER TABLE organization DROP COLUMN floor_revision;
DROP TABLE run_term;
ALTER TABLE run DROP COLUMN has_terms;
ALTER TABLE event DROP COLUMN holder;
UPDATE meta SET value=4 WHERE name='oldest_program';
PRAGMA user_version=5;
)";

// What takes the columns of version 5 away again: what is left are the tables of version 4.
inline constexpr char kBackToVersion4[] = R"(
DROP INDEX token_by_previous_hash;
ALTER TABLE token DROP COLUMN last_used_at;
ALTER TABLE token DROP COLUMN rotations;
ALTER TABLE token DROP COLUMN rotated_at;
ALTER TABLE token DROP COLUMN previous_hash;
ALTER TABLE token DROP COLUMN previous_created_at;
ALTER TABLE token DROP COLUMN previous_expires_at;
ALTER TABLE token DROP COLUMN previous_last_used_at;
ALTER TABLE token DROP COLUMN denials;
ALTER TABLE token DROP COLUMN refusals;
PRAGMA user_version=4;
)";

// The schema of version 4, as a program of it made it: name and text without blanks.
inline constexpr char kVersion4TokenTable[] =
    "CREATETABLEtoken(token_keyINTEGERPRIMARYKEY,organizationTEXTNOTNULL,nameTEXTNOTNULL,"
    "hashBLOBNOTNULL,scopesINTEGERNOTNULL,created_atINTEGERNOTNULL,expires_atINTEGERNOTNULL,"
    "revoked_atINTEGERNOTNULL)";

} // namespace store_testing

#endif
