#ifndef RUNSD_STORAGE_SQLITE_SCHEMA_JOBS_H
#define RUNSD_STORAGE_SQLITE_SCHEMA_JOBS_H

// What came with SCHEMA_JOBS: idempotency keys, families of runs, bulk cancels, counts of runs,
// frozen organizations. As in schema.c, instants are microseconds since the epoch, statuses those
// of runs.v1.RunStatus, and ids of runs are stored as storage/sqlite/run_id.h says.

// The texts of partial indexes, which SQLite uses for a query that says the same. Of jobs, by their
// state (storage/sqlite/bulk_row.h): those that have a next step; that may still go on; that ended;
// plans; those that are being removed. Of items: those that are to be dealt with.
#define BULK_ROW_AT_WORK_SQL    "state IN (1, 3)"
#define BULK_ROW_UNFINISHED_SQL "state IN (1, 2, 3)"
#define BULK_ROW_ENDED_SQL      "state IN (4, 5)"
#define BULK_ROW_PLANNED_SQL    "state=2"
#define BULK_ROW_LEAVING_SQL    "state=6"
#define BULK_ITEM_DUE_SQL       "due IS NOT NULL"

// Of rows of run_parent: those whose run was deleted (storage/sqlite/family_row.h).
#define FAMILY_ROW_GONE_SQL "is_gone=1"

#define SCHEMA_JOBS_SQL                                                                            \
    /* A key's name and fingerprint (storage/idempotency.h), one behind the other; NULL: none. */  \
    "ALTER TABLE event ADD COLUMN key_digest BLOB;" /* The workflow of its run; 0: it is an event  \
                                                       from before. */                             \
    "ALTER TABLE event ADD COLUMN workflow_key INTEGER NOT NULL DEFAULT 0;"                        \
                                                                                                   \
    /* When all changes of its runs began to be refused; 0: they are not. */                       \
    "ALTER TABLE organization ADD COLUMN frozen_at INTEGER NOT NULL DEFAULT 0;"                    \
                                                                                                   \
    /* How many runs have which status, by the events up to newest_event. */                       \
    "ALTER TABLE organization ADD COLUMN running INTEGER NOT NULL DEFAULT 0;"                      \
    "ALTER TABLE organization ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;"                      \
    "ALTER TABLE organization ADD COLUMN success INTEGER NOT NULL DEFAULT 0;"                      \
    "ALTER TABLE organization ADD COLUMN failure INTEGER NOT NULL DEFAULT 0;"                      \
    "ALTER TABLE organization ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;"                    \
                                                                                                   \
    /* The event that has the key of name; of a change without an event the key and the change. */ \
    "CREATE TABLE idempotency_event("                                                              \
    "  name BLOB PRIMARY KEY,"                                                                     \
    "  event_key INTEGER NOT NULL) WITHOUT ROWID;"                                                 \
    "CREATE TABLE idempotency("                                                                    \
    "  name BLOB PRIMARY KEY,"                                                                     \
    "  fingerprint BLOB NOT NULL,"                                                                 \
    "  at INTEGER NOT NULL,"                                                                       \
    "  organization TEXT NOT NULL,"                                                                \
    "  target BLOB NOT NULL,"                    /* a run's id, or a job's */                      \
    "  run_key INTEGER NOT NULL) WITHOUT ROWID;" /* of the run; 0: it is a job */                  \
    "CREATE INDEX idempotency_by_at ON idempotency(at);"                                           \
                                                                                                   \
    "CREATE TABLE run_parent("                                                                     \
    "  organization TEXT NOT NULL,"                                                                \
    "  id BLOB NOT NULL,"                                                                          \
    "  parent BLOB NOT NULL,"                                                                      \
    "  is_gone INTEGER NOT NULL DEFAULT 0," /* 1: the run was deleted, and is another one's parent \
                                             */                                                    \
    "  PRIMARY KEY(organization, id)) WITHOUT ROWID;"                                              \
    "CREATE INDEX run_child ON run_parent(organization, parent, id, is_gone);"                     \
    "CREATE INDEX run_gone ON run_parent(organization, id) WHERE " FAMILY_ROW_GONE_SQL ";"         \
                                                                                                   \
    /* The events of kind STORE_EVENT_DELETION, which no run leads to. */                          \
    "CREATE TABLE deletion("                                                                       \
    "  event_key INTEGER PRIMARY KEY,"                                                             \
    "  organization TEXT NOT NULL,"                                                                \
    "  id BLOB NOT NULL);"                                                                         \
    "CREATE INDEX deletion_by_run ON deletion(organization, id);"                                  \
                                                                                                   \
    "CREATE TABLE bulk("                                                                           \
    "  bulk_key INTEGER PRIMARY KEY,"                                                              \
    "  organization TEXT NOT NULL,"                                                                \
    "  id TEXT NOT NULL,"                                                                          \
    "  state INTEGER NOT NULL,"      /* enum bulk_state, or BULK_ROW_LEAVING */                    \
    "  is_dry_run INTEGER NOT NULL," /* 0 or 1, as the next two */                                 \
    "  cascades INTEGER NOT NULL,"                                                                 \
    "  has_filter INTEGER NOT NULL,"                                                               \
    "  statuses INTEGER NOT NULL," /* RUN_STATUS_BITs */                                           \
    "  workflow_id TEXT NOT NULL,"                                                                 \
    "  source_run_id TEXT NOT NULL,"                                                               \
    "  holder TEXT NOT NULL,"                                                                      \
    "  started_after INTEGER NOT NULL," /* 0: any, as the next one */                              \
    "  started_before INTEGER NOT NULL,"                                                           \
    "  is_collected INTEGER NOT NULL," /* where the next step goes on: struct bulk_row */          \
    "  cursor_at INTEGER NOT NULL,"                                                                \
    "  cursor_id BLOB NOT NULL,"                                                                   \
    "  parent_id BLOB NOT NULL,"                                                                   \
    "  newest_event INTEGER NOT NULL," /* of the store when it was created */                      \
    "  created_at INTEGER NOT NULL,"                                                               \
    "  started_at INTEGER NOT NULL," /* 0: not yet, as the next one */                             \
    "  finished_at INTEGER NOT NULL,"                                                              \
    "  total INTEGER NOT NULL,"                                                                    \
    "  cancelled INTEGER NOT NULL,"                                                                \
    "  already_final INTEGER NOT NULL,"                                                            \
    "  not_found INTEGER NOT NULL,"                                                                \
    "  actor TEXT NOT NULL,"                                                                       \
    "  reason TEXT NOT NULL,"                                                                      \
    "  request_id TEXT NOT NULL,"                                                                  \
    "  remote_address TEXT NOT NULL,"                                                              \
    "  idempotency_key TEXT NOT NULL);"                                                            \
    "CREATE UNIQUE INDEX bulk_by_id ON bulk(organization, id);"                                    \
    "CREATE INDEX bulk_by_creation ON bulk(organization, created_at, id);"                         \
    "CREATE INDEX bulk_at_work ON bulk(bulk_key) WHERE " BULK_ROW_AT_WORK_SQL ";"                  \
    "CREATE INDEX bulk_unfinished ON bulk(organization) WHERE " BULK_ROW_UNFINISHED_SQL ";"        \
    "CREATE INDEX bulk_ended ON bulk(finished_at) WHERE " BULK_ROW_ENDED_SQL ";"                   \
    "CREATE INDEX bulk_planned ON bulk(created_at) WHERE " BULK_ROW_PLANNED_SQL ";"                \
    "CREATE INDEX bulk_leaving ON bulk(bulk_key) WHERE " BULK_ROW_LEAVING_SQL ";"                  \
    "CREATE TABLE bulk_item("                                                                      \
    "  bulk_key INTEGER NOT NULL,"                                                                 \
    "  id BLOB NOT NULL,"              /* of the run */                                            \
    "  outcome INTEGER NOT NULL,"      /* enum bulk_outcome, or BULK_ROW_GONE */                   \
    "  due INTEGER,"                   /* enum bulk_due; NULL: never again */                      \
    "  newest_event INTEGER NOT NULL," /* of the job; of the store, if a cascade found it */       \
    "  PRIMARY KEY(bulk_key, id)) WITHOUT ROWID;"                                                  \
    "CREATE INDEX bulk_item_due ON bulk_item(bulk_key, due, outcome, id)"                          \
    " WHERE " BULK_ITEM_DUE_SQL ";"                                                                \
                                                                                                   \
    /* How many runs of a workflow have which status, by the events up to as_of_event. */          \
    "CREATE TABLE run_count("                                                                      \
    "  workflow_key INTEGER PRIMARY KEY,"                                                          \
    "  as_of_event INTEGER NOT NULL,"                                                              \
    "  running INTEGER NOT NULL,"                                                                  \
    "  waiting INTEGER NOT NULL,"                                                                  \
    "  success INTEGER NOT NULL,"                                                                  \
    "  failure INTEGER NOT NULL,"                                                                  \
    "  cancelled INTEGER NOT NULL);"

#endif
