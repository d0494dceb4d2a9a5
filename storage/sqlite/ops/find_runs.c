#include "storage/op/find_runs.h"

#include "base/core/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { SELECT_RUN, SELECT_ENDING };

// Reads the run of id without its body, in a snapshot that has all that made it what it is.
// SQLITE_DONE if there is none.
static int read_run(struct session *session, struct store_find_runs *f, sqlite3_stmt *s,
                    const struct run_id *id, struct run_record *ret, struct run_row *ret_row) {
    int rc;
    do { // again only where the run was changed between the snapshot's beginning and the look
        session->is_old = false;
        *ret = (struct run_record){.sequence = 0};
        sqlite_bind_text(s, 1, f->organization);
        run_id_bind(s, 2, id);
        rc = sqlite3_step(s);
        if (rc == SQLITE_ROW) {
            rc = run_row_read(session, f->op.arena, s, ret, ret_row);
        }
        sqlite3_reset(s);
    } while (rc == SQLITE_OK && session->is_old && (rc = session_renew(session)) == SQLITE_OK);
    return rc;
}

static int find(struct session *session, struct store_find_runs *f, sqlite3_stmt *const *s, int i) {
    struct run_id id = run_id_of(f->ids[i]);
    struct run_record run;
    struct run_row row = {.newest_event = 0};
    int rc = read_run(session, f, s[SELECT_RUN], &id, &run, &row);
    if (rc != SQLITE_OK) {
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    f->ret[i] = (struct store_found_run){
        .is_there = true,
        .status = run.status,
        .attempt = run.attempt,
        .holder = run.holder,
        .lease_us = run.lease_us,
        .finished_at_us = run.finished_at_us,
        .stopped_at_us = run.stopped_at_us,
    };
    if (run_status_is_active(run.status)) {
        return SQLITE_OK;
    }
    struct event_cause ending;
    rc = event_row_read_ending(f->op.arena, s[SELECT_ENDING], row.newest_event, &ending);
    if (rc == SQLITE_OK) {
        f->ret[i].actor = ending.actor;
        f->ret[i].reason = ending.reason;
    }
    return rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_find_runs *f = CONTAINER_OF(op, struct store_find_runs, op);
    CHECK(f->count <= STORE_FIND_RUNS_MAX);
    f->ret = ARENA_ARRAY(op->arena, struct store_found_run, f->count);
    op->result = STORE_OK;
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < f->count; i++) {
        rc = find(session, f, s, i);
    }
    return rc;
}

const struct sqlite_op sqlite_find_runs = {
    .sql =
        {
            [SELECT_RUN] =
                "SELECT " RUN_ROW_COLUMNS " FROM run AS r WHERE r.organization=?1 AND r.id=?2",
            [SELECT_ENDING] = EVENT_ROW_ENDING_SQL,
        },
    .run = run,
    .is_long = true,
};
