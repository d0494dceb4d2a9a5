#include "storage/op/create_run.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { INSERT_RUN, INSERT_BODY };

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_create_run *c = CONTAINER_OF(op, struct store_create_run, op);
    struct run_record run = c->in;
    run.updated_at_us = run.started_at_us;
    run.finished_at_us = 0;
    run.sequence = 1;

    sqlite_bind_text(s[INSERT_RUN], 1, run.organization);
    sqlite_bind_text(s[INSERT_RUN], 2, run.id);
    sqlite3_bind_int(s[INSERT_RUN], 3, (int)run.status);
    sqlite3_bind_int64(s[INSERT_RUN], 4, run.started_at_us);
    sqlite_bind_text(s[INSERT_RUN], 5, run.workflow_id);
    sqlite3_bind_int64(s[INSERT_RUN], 6, event_row_next(&session->events));
    run_row_bind_fields(s[INSERT_RUN], 7, &run.fields);
    int rc = sqlite_step_once(s[INSERT_RUN]);
    if (rc == SQLITE_CONSTRAINT_UNIQUE) {
        op->result = STORE_EXISTS;
        return SQLITE_OK;
    }
    if (rc != SQLITE_OK) {
        return rc;
    }
    struct event_place place = {.run_key = sqlite3_last_insert_rowid(session->db)};
    sqlite3_bind_int64(s[INSERT_BODY], 1, place.run_key);
    sqlite_bind_blob(s[INSERT_BODY], 2, run.spec);
    run_body_bind_fields(s[INSERT_BODY], 3, &run.fields);
    rc = sqlite_step_once(s[INSERT_BODY]);
    if (rc == SQLITE_OK) {
        rc = event_row_append(&session->events, &place, 0, &run, &c->cause);
    }
    if (rc == SQLITE_OK) {
        c->ret = run;
        op->result = STORE_OK;
    }
    return rc;
}

const struct sqlite_op sqlite_create_run = {
    .sql =
        {
            [INSERT_RUN] =
                "INSERT INTO run(organization, id, status, previous_status, started_at,"
                " updated_at, finished_at, sequence, workflow_id, newest_event,"
                " previous_event, " RUN_ROW_FIELD_NAMES
                ") VALUES(?1, ?2, ?3, 0, ?4, ?4, 0, 1, ?5, ?6, 0, " RUN_ROW_FIELD_MARKS ")",
            [INSERT_BODY] = "INSERT INTO run_body(run_key, spec, " RUN_BODY_FIELD_NAMES
                            ") VALUES(?1, ?2, " RUN_BODY_FIELD_MARKS ")",
        },
    .run = run,
};
