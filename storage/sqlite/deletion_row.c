#include "storage/sqlite/deletion_row.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/event_row.h"
#include "storage/sqlite/row_status.h"

enum {
    SELECT_RUN,
    SELECT_EVENT,
    SELECT_GONE,
    SELECT_ANY_GONE,
    INSERT_GONE,
    DELETE_GONE,
    DELETE_EVENT,
    DELETE_MARK,
    DELETE_TERM,
    DELETE_BODY,
    DELETE_RUN,
    STATEMENT_COUNT
};
_Static_assert((int)STATEMENT_COUNT <= (int)DELETION_ROW_STATEMENTS, "there is room for all");

static const char *const sql[STATEMENT_COUNT] = {
    [SELECT_RUN] = "SELECT r.run_key, r.workflow_key, r.status, r.updated_at, r.sequence,"
                   " r.newest_event, r.has_terms, e.organization=r.organization AND e.id=r.id"
                   " AND e.sequence=r.sequence, e.revision, r.attempt,"
                   " (SELECT length(b.spec) FROM run_body AS b WHERE b.run_key=r.run_key)"
                   " FROM run AS r LEFT JOIN event AS e ON e.event_key=r.newest_event"
                   " WHERE r.organization=?1 AND r.id=?2",
    [SELECT_EVENT] = "SELECT organization=?2 AND id=?3, sequence, revision, previous_of_run,"
                     " key_digest FROM event WHERE event_key=?1",
    // ?2 before when, ?3 the limit, ?4 the run.
    [SELECT_GONE] = "SELECT d.event_key, e.revision, e.at FROM deletion AS d"
                    " LEFT JOIN event AS e ON e.event_key=d.event_key"
                    " WHERE d.organization=?1 AND d.id=?4 AND coalesce(e.at, 0)<?2 LIMIT ?3",
    [SELECT_ANY_GONE] = "SELECT d.event_key, e.revision, e.at FROM deletion AS d"
                        " LEFT JOIN event AS e ON e.event_key=d.event_key"
                        " WHERE d.organization=?1 AND coalesce(e.at, 0)<?2 LIMIT ?3",
    [INSERT_GONE] = "INSERT INTO deletion(event_key, organization, id) VALUES(?1, ?2, ?3)",
    [DELETE_GONE] = "DELETE FROM deletion WHERE event_key=?1",
    [DELETE_EVENT] = "DELETE FROM event WHERE event_key=?1",
    [DELETE_MARK] = "DELETE FROM event_mark WHERE organization=?1 AND revision=?2",
    [DELETE_TERM] = "DELETE FROM run_term WHERE run_key=?1",
    [DELETE_BODY] = "DELETE FROM run_body WHERE run_key=?1",
    [DELETE_RUN] = "DELETE FROM run WHERE organization=?1 AND id=?2",
};

int deletion_rows_init(struct deletion_rows *d, sqlite3 *db, struct key_rows *keys) {
    d->db = db;
    d->keys = keys;
    return sqlite_prepare_all(db, sql, STATEMENT_COUNT, d->statements);
}

void deletion_rows_release(struct deletion_rows *d) {
    sqlite_finalize_all(d->statements, STATEMENT_COUNT);
}

int deletion_rows_find(struct deletion_rows *d, struct slice organization, const struct run_id *id,
                       struct doomed_run *ret) {
    sqlite3_stmt *s = d->statements[SELECT_RUN];
    sqlite_bind_text(s, 1, organization);
    run_id_bind(s, 2, id);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        int status = sqlite3_column_int(s, 2);
        *ret = (struct doomed_run){
            .id = *id,
            .run_key = sqlite3_column_int64(s, 0),
            .workflow_key = sqlite3_column_int64(s, 1),
            .status = (enum run_status)status,
            .finished_at_us =
                run_finished_at_us((enum run_status)status, sqlite3_column_int64(s, 3)),
            .sequence = sqlite3_column_int64(s, 4),
            .newest_event = sqlite3_column_int64(s, 5),
            .has_terms = sqlite3_column_int(s, 6) != 0,
            .revision = sqlite3_column_int64(s, 8),
            .attempt = sqlite3_column_int64(s, 9),
            .spec_bytes = sqlite3_column_int64(s, 10),
        };
        bool is_sound = run_row_status_is_sound(status) && sqlite3_column_int(s, 7) == 1;
        rc = is_sound ? SQLITE_OK : SQLITE_CORRUPT;
    }
    sqlite3_reset(s);
    return rc;
}

// Runs s, which deletes one row. Returns SQLITE_CORRUPT if there was none.
static int delete_one(struct deletion_rows *d, sqlite3_stmt *s) {
    int rc = sqlite_step_once(s);
    return rc == SQLITE_OK && sqlite3_changes(d->db) != 1 ? SQLITE_CORRUPT : rc;
}

static int delete_event(struct deletion_rows *d, struct slice organization, int64_t event,
                        int64_t revision) {
    sqlite3_stmt *const *s = d->statements;
    sqlite3_bind_int64(s[DELETE_EVENT], 1, event);
    int rc = delete_one(d, s[DELETE_EVENT]);
    if (rc == SQLITE_OK && revision % EVENT_MARK_INTERVAL == 0) {
        sqlite_bind_text(s[DELETE_MARK], 1, organization);
        sqlite3_bind_int64(s[DELETE_MARK], 2, revision);
        rc = delete_one(d, s[DELETE_MARK]);
    }
    return rc;
}

// An event of a chain.
struct link {
    int64_t event;
    int64_t sequence;
    int64_t revision;
    int64_t previous; // the key of the run's event before it
};

// Reads the event of the run, and deletes the key under which it was asked for.
static int read_event(struct deletion_rows *d, struct slice organization,
                      const struct doomed_run *run, int64_t event, struct link *ret) {
    sqlite3_stmt *s = d->statements[SELECT_EVENT];
    sqlite3_bind_int64(s, 1, event);
    sqlite_bind_text(s, 2, organization);
    run_id_bind(s, 3, &run->id);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *ret = (struct link){event, sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2),
                             sqlite3_column_int64(s, 3)};
        rc = sqlite3_column_int(s, 0) == 1 ? SQLITE_OK : SQLITE_CORRUPT;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_CORRUPT;
    }
    if (rc == SQLITE_OK && sqlite3_column_bytes(s, 4) == KEY_ROW_DIGEST_BYTES) {
        rc = key_rows_forget(d->keys, sqlite3_column_blob(s, 4), event);
    }
    sqlite3_reset(s);
    return rc;
}

// Deletes the chain of the run's events, from the newest back.
static int delete_events(struct deletion_rows *d, struct slice organization,
                         const struct doomed_run *run) {
    struct link link = {.previous = run->newest_event};
    int64_t sequence = run->sequence;
    int rc = SQLITE_OK;
    for (; rc == SQLITE_OK && link.previous != 0; sequence--) {
        rc = read_event(d, organization, run, link.previous, &link);
        if (rc == SQLITE_OK && link.sequence != sequence) {
            rc = SQLITE_CORRUPT;
        }
        if (rc == SQLITE_OK) {
            rc = delete_event(d, organization, link.event, link.revision);
        }
    }
    return rc == SQLITE_OK && sequence != 0 ? SQLITE_CORRUPT : rc;
}

int deletion_rows_delete(struct deletion_rows *d, struct slice organization,
                         const struct doomed_run *run) {
    sqlite3_stmt *const *s = d->statements;
    int rc = delete_events(d, organization, run);
    if (rc == SQLITE_OK && run->has_terms) {
        sqlite3_bind_int64(s[DELETE_TERM], 1, run->run_key);
        rc = delete_one(d, s[DELETE_TERM]);
    }
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(s[DELETE_BODY], 1, run->run_key);
        rc = delete_one(d, s[DELETE_BODY]);
    }
    if (rc == SQLITE_OK) {
        sqlite_bind_text(s[DELETE_RUN], 1, organization);
        run_id_bind(s[DELETE_RUN], 2, &run->id);
        rc = delete_one(d, s[DELETE_RUN]);
    }
    return rc;
}

int deletion_rows_find_gone(struct deletion_rows *d, struct slice organization,
                            const struct run_id *id, int64_t before_us, int capacity,
                            struct gone_event *ret, int *ret_count) {
    sqlite3_stmt *s = d->statements[id != NULL ? SELECT_GONE : SELECT_ANY_GONE];
    sqlite_bind_text(s, 1, organization);
    sqlite3_bind_int64(s, 2, before_us);
    sqlite3_bind_int(s, 3, capacity);
    if (id != NULL) {
        run_id_bind(s, 4, id);
    }
    *ret_count = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW && *ret_count < capacity) {
        ret[(*ret_count)++] = (struct gone_event){
            sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2)};
    }
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int deletion_rows_add_gone(struct deletion_rows *d, struct slice organization,
                           const struct run_id *id, int64_t event) {
    sqlite3_stmt *s = d->statements[INSERT_GONE];
    sqlite3_bind_int64(s, 1, event);
    sqlite_bind_text(s, 2, organization);
    run_id_bind(s, 3, id);
    return sqlite_step_once(s);
}

int deletion_rows_delete_gone(struct deletion_rows *d, struct slice organization,
                              const struct gone_event *gone) {
    sqlite3_stmt *s = d->statements[DELETE_GONE];
    sqlite3_bind_int64(s, 1, gone->event);
    int rc = delete_one(d, s);
    return rc == SQLITE_OK ? delete_event(d, organization, gone->event, gone->revision) : rc;
}
