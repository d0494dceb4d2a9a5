#include "storage/op/transition_run.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { SELECT_RUN, SELECT_BODY, TRANSITION_RUN, UPDATE_ROW_FIELDS, UPDATE_BODY_FIELDS };

// Writes the run's new status with its event.
static int write_status(struct session *session, sqlite3_stmt *s, struct event_place place,
                        const struct store_transition_run *t, const struct run_record *before,
                        const struct run_record *after) {
    sqlite3_bind_int64(s, 1, place.run_key);
    sqlite3_bind_int(s, 2, (int)before->status);
    sqlite3_bind_int64(s, 3, before->sequence);
    sqlite3_bind_int(s, 4, (int)after->status);
    sqlite3_bind_int64(s, 5, after->updated_at_us);
    sqlite3_bind_int64(s, 6, after->finished_at_us);
    sqlite3_bind_int64(s, 7, event_row_next(&session->events));
    run_row_bind_fields(s, 8, &after->fields);
    int rc = sqlite_step_once(s);
    if (rc == SQLITE_OK && sqlite3_changes(session->db) != 1) {
        // The row was read in this very transaction.
        return SQLITE_CORRUPT;
    }
    return rc == SQLITE_OK
               ? event_row_append(&session->events, &place, (int)before->status, after, &t->cause)
               : rc;
}

// Writes what t made of the run before.
static int write_run(struct session *session, sqlite3_stmt *const *s, struct event_place place,
                     const struct store_transition_run *t, const struct run_record *before,
                     const struct run_record *after) {
    int rc = SQLITE_OK;
    if (after->sequence != before->sequence) {
        rc = write_status(session, s[TRANSITION_RUN], place, t, before, after);
    } else if ((t->given & RUN_ROW_FIELD_BITS) != 0) {
        run_row_bind_fields(s[UPDATE_ROW_FIELDS], 1, &after->fields);
        sqlite3_bind_int64(s[UPDATE_ROW_FIELDS], RUN_ROW_FIELD_COUNT + 1, place.run_key);
        rc = sqlite_step_once(s[UPDATE_ROW_FIELDS]);
    }
    if (rc == SQLITE_OK && (t->given & RUN_BODY_FIELD_BITS) != 0) {
        run_body_bind_fields(s[UPDATE_BODY_FIELDS], 1, &after->fields);
        sqlite3_bind_int64(s[UPDATE_BODY_FIELDS], RUN_BODY_FIELD_COUNT + 1, place.run_key);
        rc = sqlite_step_once(s[UPDATE_BODY_FIELDS]);
    }
    return rc;
}

// Reads the run's rows. SQLITE_DONE if there is none.
static int read_run(sqlite3_stmt *const *s, const struct store_transition_run *t,
                    struct run_record *ret, struct event_place *ret_place) {
    struct arena *a = t->op.arena;
    sqlite_bind_text(s[SELECT_RUN], 1, t->organization);
    sqlite_bind_text(s[SELECT_RUN], 2, t->id);
    int rc = sqlite3_step(s[SELECT_RUN]);
    if (rc == SQLITE_ROW) {
        ret_place->run_key = run_row_read(a, s[SELECT_RUN], ret);
        ret_place->previous = sqlite3_column_int64(s[SELECT_RUN], RUN_ROW_COLUMN_COUNT);
        rc = run_row_status_is_sound((int)ret->status) ? SQLITE_OK : SQLITE_CORRUPT;
    }
    sqlite3_reset(s[SELECT_RUN]);
    return rc == SQLITE_OK ? run_body_read(a, s[SELECT_BODY], ret_place->run_key, ret) : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_transition_run *t = CONTAINER_OF(op, struct store_transition_run, op);
    struct run_record before = {.sequence = 0};
    struct event_place place = {.run_key = 0};
    int rc = read_run(s, t, &before, &place);
    if (rc != SQLITE_OK) {
        op->result = STORE_NOT_FOUND;
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    struct run_record after = before;
    op->result = STORE_CONFLICT;
    if (store_transition_run_apply(t, &after)) {
        op->result = STORE_OK;
        rc = write_run(session, s, place, t, &before, &after);
    }
    if (rc == SQLITE_OK) {
        t->ret = after;
    }
    return rc;
}

const struct sqlite_op sqlite_transition_run = {
    .sql =
        {
            [SELECT_RUN] = "SELECT " RUN_ROW_COLUMNS ", newest_event FROM run INDEXED BY run_by_id"
                           " WHERE organization=?1 AND id=?2",
            [SELECT_BODY] = RUN_BODY_SELECT_SQL,
            // The compare-and-set: ?1 the run, ?2 and ?3 the status and sequence that it must
            // have, ?4 the status to reach, ?5 when it was changed and ?6 when it was finished,
            // ?7 the key of the event.
            [TRANSITION_RUN] = "UPDATE run SET previous_status=status, status=?4, updated_at=?5,"
                               " finished_at=?6, sequence=sequence+1,"
                               " previous_event=newest_event, newest_event=?7, " RUN_ROW_FIELDS_SET
                               " WHERE run_key=?1 AND status=?2 AND sequence=?3",
            [UPDATE_ROW_FIELDS] = "UPDATE run SET " RUN_ROW_FIELDS_SET " WHERE run_key=?",
            [UPDATE_BODY_FIELDS] = "UPDATE run_body SET " RUN_BODY_FIELDS_SET " WHERE run_key=?",
        },
    .run = run,
};
