#include "storage/sqlite/term_row.h"

#include "storage/sqlite/connection.h"

int term_rows_init(struct term_rows *t, sqlite3 *db, enum store_part part) {
    static const char *const select =
        "SELECT dispatch, fails_on_lease_loss, on_timeout, timeout_at, waiting_timeout, holder,"
        " lease, waiting_until, stopped_at FROM run_term WHERE run_key=?1";
    static const char *const insert =
        "INSERT INTO run_term(run_key, organization, id, workflow_key, started_at, dispatch,"
        " fails_on_lease_loss, on_timeout, timeout_at, waiting_timeout, state, holder, lease,"
        " waiting_until, due_at, stopped_at)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    // ?1 the run, ?2 to ?4 what its row must have.
    static const char *const update =
        "UPDATE run_term SET state=?5, holder=?6, lease=?7, waiting_until=?8, due_at=?9,"
        " stopped_at=?10 WHERE run_key=?1 AND state=?2 AND holder=?3 AND due_at=?4";
    int rc = sqlite_prepare_all(db, &select, 1, &t->select);
    if (rc == SQLITE_OK && part == STORE_CHANGES) {
        rc = sqlite_prepare_all(db, &insert, 1, &t->insert);
    }
    if (rc == SQLITE_OK && part == STORE_CHANGES) {
        rc = sqlite_prepare_all(db, &update, 1, &t->update);
    }
    return rc;
}

void term_rows_release(struct term_rows *t) {
    sqlite_finalize_all(&t->select, 1);
    sqlite_finalize_all(&t->insert, 1);
    sqlite_finalize_all(&t->update, 1);
}

static enum term_state state_of(const struct run_record *run) {
    return run->holder.len != 0 ? TERM_HELD : run_record_is_open(run) ? TERM_OPEN : TERM_CLOSED;
}

int term_rows_read(struct term_rows *t, struct arena *a, int64_t run_key, struct run_record *ret) {
    sqlite3_stmt *s = t->select;
    sqlite3_bind_int64(s, 1, run_key);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        ret->terms = (struct run_terms){
            .dispatch = (enum run_dispatch)sqlite3_column_int(s, 0),
            .fails_on_lease_loss = sqlite3_column_int(s, 1) != 0,
            .on_timeout = (enum run_status)sqlite3_column_int(s, 2),
            .timeout_at_us = sqlite3_column_int64(s, 3),
            .waiting_timeout_us = sqlite3_column_int64(s, 4),
        };
        ret->holder = sqlite_column_slice(a, s, 5);
        ret->lease_us = sqlite3_column_int64(s, 6);
        ret->waiting_until_us = sqlite3_column_int64(s, 7);
        ret->stopped_at_us = sqlite3_column_int64(s, 8);
        rc = SQLITE_OK;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_CORRUPT;
    }
    sqlite3_reset(s);
    return rc;
}

int term_rows_insert(struct term_rows *t, int64_t run_key, int64_t workflow_key,
                     const struct run_id *id, const struct run_record *run) {
    sqlite3_stmt *s = t->insert;
    sqlite3_bind_int64(s, 1, run_key);
    sqlite_bind_text(s, 2, run->organization);
    run_id_bind(s, 3, id);
    sqlite3_bind_int64(s, 4, workflow_key);
    sqlite3_bind_int64(s, 5, run->started_at_us);
    sqlite3_bind_int(s, 6, (int)run->terms.dispatch);
    sqlite3_bind_int(s, 7, run->terms.fails_on_lease_loss);
    sqlite3_bind_int(s, 8, (int)run->terms.on_timeout);
    sqlite3_bind_int64(s, 9, run->terms.timeout_at_us);
    sqlite3_bind_int64(s, 10, run->terms.waiting_timeout_us);
    sqlite3_bind_int(s, 11, (int)state_of(run));
    sqlite_bind_text(s, 12, run->holder);
    sqlite3_bind_int64(s, 13, run->lease_us);
    sqlite3_bind_int64(s, 14, run->waiting_until_us);
    sqlite3_bind_int64(s, 15, run_record_due_us(run));
    sqlite3_bind_int64(s, 16, run->stopped_at_us);
    return sqlite_step_once(s);
}

int term_rows_update(struct term_rows *t, int64_t run_key, const struct run_record *before,
                     const struct run_record *after) {
    sqlite3_stmt *s = t->update;
    sqlite3_bind_int64(s, 1, run_key);
    sqlite3_bind_int(s, 2, (int)state_of(before));
    sqlite_bind_text(s, 3, before->holder);
    sqlite3_bind_int64(s, 4, run_record_due_us(before));
    sqlite3_bind_int(s, 5, (int)state_of(after));
    sqlite_bind_text(s, 6, after->holder);
    sqlite3_bind_int64(s, 7, after->lease_us);
    sqlite3_bind_int64(s, 8, after->waiting_until_us);
    sqlite3_bind_int64(s, 9, run_record_due_us(after));
    sqlite3_bind_int64(s, 10, after->stopped_at_us);
    int rc = sqlite_step_once(s);
    return rc == SQLITE_OK && sqlite3_changes(sqlite3_db_handle(s)) != 1 ? SQLITE_CORRUPT : rc;
}
