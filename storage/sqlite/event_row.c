#include "storage/sqlite/event_row.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/schema.h"

int event_row_init(struct event_row *e, sqlite3 *db) {
    static const char *const sql =
        "INSERT INTO event(run_key, sequence, from_status, to_status, at, actor,"
        " reason, event_key, previous_event)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    int rc = schema_newest_event(db, &e->last);
    return rc == SQLITE_OK ? sqlite_prepare_all(db, &sql, 1, &e->insert) : rc;
}

void event_row_release(struct event_row *e) {
    sqlite_finalize_all(&e->insert, 1);
}

void event_row_begun(struct event_row *e) {
    e->committed = e->last;
}

void event_row_rolled_back(struct event_row *e) {
    e->last = e->committed;
}

int event_row_append(struct event_row *e, const struct event_place *place, int from,
                     const struct run_record *run, const struct event_cause *cause) {
    sqlite3_stmt *s = e->insert;
    int64_t key = event_row_next(e);
    sqlite3_bind_int64(s, 1, place->run_key);
    sqlite3_bind_int64(s, 2, run->sequence);
    sqlite3_bind_int(s, 3, from);
    sqlite3_bind_int(s, 4, (int)run->status);
    sqlite3_bind_int64(s, 5, run->updated_at_us);
    sqlite_bind_text(s, 6, cause->actor);
    sqlite_bind_text(s, 7, cause->reason);
    sqlite3_bind_int64(s, 8, key);
    sqlite3_bind_int64(s, 9, place->previous);
    int rc = sqlite_step_once(s);
    if (rc == SQLITE_OK) {
        e->last = key;
    }
    return rc;
}
