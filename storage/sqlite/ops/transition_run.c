#include "storage/op/transition_run.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/run_change.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { READ_RUN, UPDATE_RUN, UPDATE_BODY, SELECT_ENDING };

static bool changes_status(const struct run_change *c) {
    return c->after.sequence != c->before.sequence;
}

// Writes the whole row at once: fields are given, of which the event does not tell, or the run has
// terms. That the row is of this event says that all fields are, those of the body too.
static int update_row(struct session *session, sqlite3_stmt *s, const struct run_change *c) {
    sqlite_bind_text(s, 1, c->after.organization);
    run_id_bind(s, 2, &c->id);
    sqlite3_bind_int(s, 3, c->row.status_in_row);
    sqlite3_bind_int64(s, 4, c->row.sequence_in_row);
    sqlite3_bind_int64(s, 5, c->before.attempt);
    sqlite3_bind_int(s, 6, (int)c->after.status);
    sqlite3_bind_int64(s, 7, c->after.updated_at_us);
    sqlite3_bind_int64(s, 8, c->after.sequence);
    sqlite3_bind_int64(s, 9, changes_status(c) ? session->events.last : c->row.newest_event);
    run_row_bind_fields(s, 10, &c->after.fields);
    int rc = sqlite_step_once(s);
    // The row was read in this very transaction.
    return rc == SQLITE_OK && sqlite3_changes(session->db) != 1 ? SQLITE_CORRUPT : rc;
}

static int update_body(sqlite3_stmt *s, const struct run_change *c) {
    run_body_bind_fields(s, 1, &c->after.fields);
    sqlite3_bind_int64(s, RUN_BODY_FIELD_COUNT + 1, c->row.run_key);
    return sqlite_step_once(s);
}

// The event, where there is one, has the key.
static int note_key(struct session *session, const struct store_transition_run *t,
                    const struct run_change *c) {
    if (changes_status(c)) {
        key_rows_note_event(&session->keys, &t->idempotency, session->events.last);
        return SQLITE_OK;
    }
    return key_rows_note_run(&session->keys, &t->idempotency, c->after.organization, &c->id,
                             c->row.run_key, store_transition_run_key_us(t, &c->after));
}

// Writes what t made of the run.
static int write_run(struct session *session, sqlite3_stmt *const *s,
                     struct store_transition_run *t, const struct run_change *c) {
    int rc = changes_status(c) ? run_change_append(session, c, STORE_EVENT_TRANSITION, &t->cause,
                                                   &t->ret_revision)
                               : SQLITE_OK;
    if (rc == SQLITE_OK && (t->given != 0 || c->row.has_terms)) {
        rc = update_row(session, s[UPDATE_RUN], c);
    } else if (rc == SQLITE_OK && changes_status(c)) {
        run_change_leave_pending(session, c);
    }
    if (rc == SQLITE_OK && c->row.has_terms && changes_status(c)) {
        rc = run_change_write_terms(session, c);
    }
    if (rc == SQLITE_OK && (t->given & RUN_BODY_FIELD_BITS) != 0) {
        rc = update_body(s[UPDATE_BODY], c);
    }
    return rc == SQLITE_OK ? note_key(session, t, c) : rc;
}

// Makes the change that t asks for, or says why it cannot be made.
static int change(struct session *session, sqlite3_stmt *const *s, struct store_transition_run *t,
                  struct run_change *c) {
    if (store_transition_run_apply(t, &c->after)) {
        return write_run(session, s, t, c);
    }
    t->op.result = STORE_CONFLICT;
    t->ret_is_stale = store_transition_run_is_stale(t, &c->before);
    t->ret_has_changed = store_transition_run_has_changed(t, &c->before);
    return run_status_is_active(c->before.status)
               ? SQLITE_OK
               : event_row_read_ending(t->op.arena, s[SELECT_ENDING], c->row.newest_event,
                                       &t->ret_ending);
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_transition_run *t = CONTAINER_OF(op, struct store_transition_run, op);
    struct slice id = t->id;
    enum idempotency_match match;
    int rc = key_rows_find(&session->keys, op->arena, &t->idempotency, &match, &id);
    if (rc != SQLITE_OK || match == IDEMPOTENCY_OTHER) {
        op->result = STORE_KEY_REUSED;
        return rc;
    }
    struct run_change c = {.id = run_id_of(id), .idempotency = &t->idempotency};
    rc = run_read(session, op->arena, s[READ_RUN], t->organization, &c.id, &c.before, &c.row);
    if (rc != SQLITE_OK) {
        op->result = STORE_NOT_FOUND;
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    store_transition_run_begin(t);
    op->result = STORE_OK;
    c.after = c.before;
    t->ret_is_replayed = match == IDEMPOTENCY_SAME;
    if (!t->ret_is_replayed) {
        rc = change(session, s, t, &c);
    }
    if (rc == SQLITE_OK) {
        t->ret = c.after;
    }
    return rc;
}

const struct sqlite_op sqlite_transition_run = {
    .sql =
        {
            [READ_RUN] = RUN_READ_SQL,
            // ?1 and ?2 the run, ?3 to ?5 the status, sequence and attempt that its row must
            // have, ?6 the status to reach, ?7 when it was changed, ?8 its sequence, ?9 its newest
            // event. The row of a run with terms is never behind, so that these are the run's.
            [UPDATE_RUN] = "UPDATE run SET status=?6, updated_at=?7, sequence=?8,"
                           " newest_event=?9, " RUN_ROW_FIELDS_SET
                           " WHERE organization=?1 AND id=?2 AND status=?3 AND sequence=?4"
                           " AND attempt=?5",
            [UPDATE_BODY] = "UPDATE run_body SET " RUN_BODY_FIELDS_SET " WHERE run_key=?",
            [SELECT_ENDING] = EVENT_ROW_ENDING_SQL,
        },
    .run = run,
};
