#include "storage/sqlite/run_change.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"

int run_change_append(struct session *session, const struct run_change *c,
                      enum store_event_kind kind, const struct event_cause *cause,
                      int64_t *ret_revision) {
    struct event_source source = {
        .kind = kind,
        .id = &c->id,
        .workflow_key = c->row.workflow_key,
        .previous = c->row.newest_event,
        .from = (int)c->before.status,
        .holder = run_event_holder(kind, &c->before, &c->after),
        .cause = cause,
        .idempotency = c->idempotency,
        .opens = run_record_is_open(&c->after) && !run_record_is_open(&c->before),
    };
    return event_row_append(&session->events, &c->after, &source, ret_revision);
}

void run_change_leave_pending(struct session *session, const struct run_change *c) {
    pending_stage(session->pending, c->after.organization, &c->id,
                  &(struct pending_state){
                      .status = c->after.status,
                      .updated_at_us = c->after.updated_at_us,
                      .sequence = c->after.sequence,
                      .newest_event = session->events.last,
                  });
}

int run_change_write_terms(struct session *session, const struct run_change *c) {
    return c->row.has_terms
               ? term_rows_update(&session->terms, c->row.run_key, &c->before, &c->after)
               : term_rows_insert(&session->terms, c->row.run_key, c->row.workflow_key, &c->id,
                                  &c->after);
}

static int update_row(struct session *session, sqlite3_stmt *s, const struct run_change *c) {
    sqlite_bind_text(s, 1, c->after.organization);
    run_id_bind(s, 2, &c->id);
    sqlite3_bind_int(s, 3, c->row.status_in_row);
    sqlite3_bind_int64(s, 4, c->row.sequence_in_row);
    sqlite3_bind_int64(s, 5, c->before.attempt);
    sqlite3_bind_int(s, 6, (int)c->after.status);
    sqlite3_bind_int64(s, 7, c->after.updated_at_us);
    sqlite3_bind_int64(s, 8, c->after.sequence);
    sqlite3_bind_int64(s, 9, session->events.last);
    sqlite3_bind_int64(s, 10, c->after.attempt);
    int rc = sqlite_step_once(s);
    // The row was read in this very transaction.
    return rc == SQLITE_OK && sqlite3_changes(session->db) != 1 ? SQLITE_CORRUPT : rc;
}

int run_change_write(struct session *session, sqlite3_stmt *update, const struct run_change *c,
                     enum store_event_kind kind, const struct event_cause *cause,
                     int64_t *ret_revision) {
    int rc = run_change_append(session, c, kind, cause, ret_revision);
    if (rc == SQLITE_OK) {
        rc = update_row(session, update, c);
    }
    return rc == SQLITE_OK ? run_change_write_terms(session, c) : rc;
}
