#include "storage/postgres/ended_place.h"
#include "storage/postgres/schema.h"

// Names and causes are bytes, whatever they are: bytea, whose order is that of memcmp, which no
// locale changes. Instants are microseconds since the epoch, 0 where there is none; statuses are
// numbered as runs.v1.RunStatus. Rows that change with every transaction leave room on their page
// for it (fillfactor), so that no index is touched.
static const char *const first[] = {
    // One row. secret and epoch: struct run_store. token_changes grows with each change of a token.
    // copy_of: how far it is, while another store is copied into it; such a store is not served.
    "CREATE TABLE store("
    "  is_one bool PRIMARY KEY DEFAULT true CHECK(is_one),"
    "  version int4 NOT NULL,"
    "  oldest_program int4 NOT NULL,"
    "  secret bytea NOT NULL,"
    "  epoch int8 NOT NULL,"
    "  token_changes int8 NOT NULL,"
    "  copy_of bytea)",

    // The number of the last transaction of each connection that writes: what became of one whose
    // commit was not answered is read here.
    "CREATE TABLE commit_mark("
    "  writer int8 PRIMARY KEY,"
    "  number int8 NOT NULL,"
    "  at timestamptz NOT NULL) WITH (fillfactor=20)",

    "CREATE TABLE organization("
    "  name bytea PRIMARY KEY,"
    "  revision int8 NOT NULL," // of its newest event
    "  floor_revision int8 NOT NULL,"
    "  frozen_at int8 NOT NULL,"
    "  attempt_floor int8 NOT NULL,"
    "  running int8 NOT NULL,"
    "  waiting int8 NOT NULL,"
    "  success int8 NOT NULL,"
    "  failure int8 NOT NULL,"
    "  cancelled int8 NOT NULL,"
    "  stored_bytes int8 NOT NULL,"
    "  changed_at timestamptz NOT NULL) WITH (fillfactor=50)",
    "CREATE INDEX organization_frozen ON organization(name) WHERE frozen_at<>0",

    "CREATE TABLE run_count("
    "  organization bytea NOT NULL,"
    "  workflow_id bytea NOT NULL,"
    "  running int8 NOT NULL,"
    "  waiting int8 NOT NULL,"
    "  success int8 NOT NULL,"
    "  failure int8 NOT NULL,"
    "  cancelled int8 NOT NULL,"
    "  PRIMARY KEY(organization, workflow_id)) WITH (fillfactor=50)",

    // What a change of a run changes; what is long and stays is apart, in run_body.
    "CREATE TABLE run("
    "  run_key int8 GENERATED ALWAYS AS IDENTITY,"
    "  organization bytea NOT NULL,"
    "  id bytea NOT NULL,"
    "  workflow_id bytea NOT NULL,"
    "  status int2 NOT NULL,"
    "  started_at int8 NOT NULL,"
    "  updated_at int8 NOT NULL,"
    "  sequence int8 NOT NULL,"
    "  attempt int8 NOT NULL,"
    "  created_revision int8 NOT NULL,"
    "  newest_revision int8 NOT NULL,"
    "  ended_revision int8 NOT NULL,"
    "  total_cu float8,"          // NULL: not a number
    "  has_terms bool NOT NULL,"  // it has a row of run_term
    "  has_parent bool NOT NULL," // it has a row of run_parent
    "  PRIMARY KEY(organization, id)) WITH (fillfactor=80)",
    "CREATE INDEX run_by_start ON run(organization, started_at, id)",
    "CREATE INDEX run_by_workflow ON run(organization, workflow_id, started_at, id)",

    // Of runs that are not final: what changes is in no index of run, so that a change touches none
    // (a heap-only tuple).
    "CREATE TABLE run_active("
    "  organization bytea NOT NULL,"
    "  started_at int8 NOT NULL,"
    "  id bytea NOT NULL,"
    "  PRIMARY KEY(organization, started_at, id))",

    "CREATE TABLE run_body("
    "  run_key int8 PRIMARY KEY,"
    "  spec bytea NOT NULL,"
    "  execution_state bytea NOT NULL)",
    "ALTER TABLE run_body ALTER COLUMN spec SET STORAGE EXTERNAL",
    "ALTER TABLE run_body ALTER COLUMN execution_state SET STORAGE EXTERNAL",

    // Of runs that have anything of what most have not (run_record_has_terms), with what its
    // indexes need of run; written with each change of its run.
    "CREATE TABLE run_term("
    "  organization bytea NOT NULL,"
    "  id bytea NOT NULL,"
    "  workflow_id bytea NOT NULL,"
    "  started_at int8 NOT NULL,"
    "  status int2 NOT NULL,"
    "  dispatch int2 NOT NULL,"
    "  fails_on_lease_loss bool NOT NULL,"
    "  on_timeout int2 NOT NULL,"
    "  timeout_at int8 NOT NULL,"
    "  waiting_timeout int8 NOT NULL,"
    "  holder bytea NOT NULL,"
    "  lease int8 NOT NULL,"
    "  waiting_until int8 NOT NULL,"
    "  due_at int8 NOT NULL," // run_record_due_us
    "  stopped_at int8 NOT NULL,"
    "  is_open bool NOT NULL," // run_record_is_open
    "  PRIMARY KEY(organization, id)) WITH (fillfactor=80)",
    "CREATE INDEX term_open ON run_term(organization, started_at, id) WHERE is_open",
    "CREATE INDEX term_open_by_workflow ON run_term(organization, workflow_id, started_at, id)"
    " WHERE is_open",
    "CREATE INDEX term_held ON run_term(organization, holder, started_at, id)"
    " WHERE holder<>''::bytea",
    "CREATE INDEX term_due ON run_term(due_at) WHERE due_at<>0",

    // revision is what orders an organization's events: 1, 2, 3 without a gap above the floor.
    "CREATE TABLE event("
    "  organization bytea NOT NULL,"
    "  revision int8 NOT NULL,"
    "  id bytea NOT NULL," // of the run
    "  kind int2 NOT NULL,"
    "  sequence int8 NOT NULL,"
    "  from_status int2 NOT NULL,"
    "  to_status int2 NOT NULL,"
    "  at int8 NOT NULL,"
    "  attempt int8 NOT NULL,"
    "  holder bytea NOT NULL,"
    "  actor bytea NOT NULL,"
    "  reason bytea NOT NULL,"
    "  request_id bytea NOT NULL,"
    "  remote_address bytea NOT NULL,"
    "  idempotency_key bytea NOT NULL,"
    "  workflow_id bytea NOT NULL,"
    "  PRIMARY KEY(organization, revision))",
    "CREATE INDEX event_by_run ON event(organization, id, revision)",
    "CREATE INDEX event_end ON event((" PG_EVENT_PLACE_SQL ")) WHERE " PG_EVENT_IS_END_SQL,

    "CREATE TABLE idempotency("
    "  name bytea PRIMARY KEY,"
    "  fingerprint bytea NOT NULL,"
    "  at int8 NOT NULL,"
    "  target_kind int2 NOT NULL," // enum work_key_target
    "  organization bytea NOT NULL,"
    "  target bytea NOT NULL)",
    "CREATE INDEX idempotency_by_at ON idempotency(at)",
    "CREATE INDEX idempotency_by_target ON idempotency(organization, target)",

    // is_gone: the run was deleted, and is the parent of another.
    "CREATE TABLE run_parent("
    "  organization bytea NOT NULL,"
    "  id bytea NOT NULL,"
    "  parent bytea NOT NULL,"
    "  is_gone bool NOT NULL,"
    "  PRIMARY KEY(organization, id))",
    "CREATE INDEX run_child ON run_parent(organization, parent, id)",

    "CREATE TABLE bulk("
    "  bulk_key int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    "  organization bytea NOT NULL,"
    "  id bytea NOT NULL,"
    "  state int2 NOT NULL," // enum bulk_state; 6: it is being removed
    "  is_dry_run bool NOT NULL,"
    "  cascades bool NOT NULL,"
    "  has_filter bool NOT NULL,"
    "  statuses int4 NOT NULL,"
    "  workflow_id bytea NOT NULL,"
    "  source_run_id bytea NOT NULL,"
    "  holder bytea NOT NULL,"
    "  started_after int8 NOT NULL,"
    "  started_before int8 NOT NULL,"
    "  is_collected bool NOT NULL," // where the next step goes on, as the next three
    "  cursor_at int8 NOT NULL,"
    "  cursor_id bytea NOT NULL,"
    "  parent_id bytea NOT NULL,"
    "  as_of_revision int8 NOT NULL," // of the organization when it was created
    "  created_at int8 NOT NULL,"
    "  started_at int8 NOT NULL,"
    "  finished_at int8 NOT NULL,"
    "  total int8 NOT NULL,"
    "  cancelled int8 NOT NULL,"
    "  already_final int8 NOT NULL,"
    "  not_found int8 NOT NULL,"
    "  actor bytea NOT NULL,"
    "  reason bytea NOT NULL,"
    "  request_id bytea NOT NULL,"
    "  remote_address bytea NOT NULL,"
    "  idempotency_key bytea NOT NULL)",
    "CREATE UNIQUE INDEX bulk_by_id ON bulk(organization, id)",
    "CREATE INDEX bulk_by_creation ON bulk(organization, created_at, id)",
    "CREATE INDEX bulk_at_work ON bulk(bulk_key) WHERE state IN (1, 3)",
    "CREATE INDEX bulk_unfinished ON bulk(organization) WHERE state IN (1, 2, 3)",
    "CREATE INDEX bulk_ended ON bulk(finished_at) WHERE state IN (4, 5)",
    "CREATE INDEX bulk_planned ON bulk(created_at) WHERE state=2",
    "CREATE INDEX bulk_leaving ON bulk(bulk_key) WHERE state=6",
    "CREATE TABLE bulk_item("
    "  bulk_key int8 NOT NULL,"
    "  id bytea NOT NULL,"
    "  outcome int2 NOT NULL,"
    "  due int2,"                     // enum bulk_due; NULL: never again
    "  as_of_revision int8 NOT NULL," // of the job; of the organization, if a cascade found it
    "  PRIMARY KEY(bulk_key, id))",
    "CREATE INDEX bulk_item_due ON bulk_item(bulk_key, due, outcome, id) WHERE due IS NOT NULL",

    "CREATE TABLE token("
    "  organization bytea NOT NULL,"
    "  name bytea NOT NULL,"
    "  client_san bytea NOT NULL," // empty: it has secrets
    "  hash bytea NOT NULL,"
    "  scopes int4 NOT NULL,"
    "  created_at int8 NOT NULL,"
    "  expires_at int8 NOT NULL,"
    "  revoked_at int8 NOT NULL,"
    "  last_used_at int8 NOT NULL,"
    "  rotations int8 NOT NULL,"
    "  rotated_at int8 NOT NULL,"
    "  previous_hash bytea," // NULL: it has one secret
    "  previous_created_at int8 NOT NULL,"
    "  previous_expires_at int8 NOT NULL,"
    "  previous_last_used_at int8 NOT NULL,"
    "  denials int8 NOT NULL,"
    "  refusals int8 NOT NULL,"
    "  limit_reads int8 NOT NULL," // 0: the server's, -1: none; as the next three
    "  limit_changes int8 NOT NULL,"
    "  limit_bytes int8 NOT NULL,"
    "  limit_streams int8 NOT NULL,"
    "  PRIMARY KEY(organization, name))",
    "CREATE UNIQUE INDEX token_by_hash ON token(hash)",
    "CREATE UNIQUE INDEX token_by_previous_hash ON token(previous_hash)"
    " WHERE previous_hash IS NOT NULL",
    "CREATE INDEX token_by_client ON token(client_san) WHERE client_san<>''::bytea",

    // How long leases last that were renewed, for the other servers. A failover empties it: the row
    // of no run says since when it has all, here from the first renewal on (ops/end_lease.c).
    "CREATE UNLOGGED TABLE lease_renewal("
    "  organization bytea NOT NULL,"
    "  id bytea NOT NULL,"
    "  attempt int8 NOT NULL,"
    "  lasts_until timestamptz NOT NULL,"
    "  PRIMARY KEY(organization, id)) WITH (fillfactor=50)",
    "INSERT INTO lease_renewal VALUES (''::bytea, ''::bytea, 0, 'infinity')",
    NULL,
};

const char *const *const pg_schema_steps[PG_SCHEMA_VERSION] = {first};
