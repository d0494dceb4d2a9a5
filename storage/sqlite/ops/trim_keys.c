#include "storage/op/trim_keys.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { SELECT_PLACE, SELECT_EVENTS, DELETE_OTHERS, WRITE_PLACE };

// No key counts for longer (--idempotency-ttl): what is so much younger than one that is too old
// was stored while the clock was wrong, and would stop the walk until then.
#define LONGEST_LIFE_US (INT64_C(32) * 24 * 3600 * 1000000)

static bool is_due(const struct store_trim_keys *t, int64_t at_us) {
    return at_us < t->before_us ||
           (t->before_us < INT64_MAX - LONGEST_LIFE_US && at_us > t->before_us + LONGEST_LIFE_US);
}

// How far keys are trimmed, in the order of the events, and how far their rows are written.
struct place {
    int64_t trimmed;
    int64_t applied;
    bool is_empty; // there is no row
};

static int read_place(sqlite3_stmt *s, struct place *ret) {
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *ret = (struct place){
            .trimmed = sqlite3_column_int64(s, 0),
            .applied = sqlite3_column_int64(s, 1),
            .is_empty = sqlite3_column_int(s, 2) == 0,
        };
    }
    sqlite3_reset(s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

// Deletes the rows that lead to events which are too old, from the place on.
static int trim_events(struct session *session, sqlite3_stmt *s, struct store_trim_keys *t,
                       struct place *place) {
    sqlite3_bind_int64(s, 1, place->trimmed);
    sqlite3_bind_int64(s, 2, place->applied);
    int looked_at = 0;
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && looked_at < t->limit && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        if (!is_due(t, sqlite3_column_int64(s, 1))) {
            break;
        }
        looked_at++;
        place->trimmed = sqlite3_column_int64(s, 0);
        if (sqlite3_column_bytes(s, 2) == KEY_ROW_DIGEST_BYTES) {
            rc = key_rows_forget(&session->keys, sqlite3_column_blob(s, 2), place->trimmed);
            t->ret_count += rc == SQLITE_OK ? sqlite3_changes(session->db) : 0;
        }
    }
    sqlite3_reset(s);
    t->ret_has_more = looked_at == t->limit;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Deletes the rows of changes without events that are too old.
static int trim_others(struct session *session, sqlite3_stmt *s, struct store_trim_keys *t) {
    int limit = t->limit - t->ret_count;
    sqlite3_bind_int64(s, 1, t->before_us);
    sqlite3_bind_int(s, 2, limit);
    int rc = sqlite_step_once(s);
    int count = rc == SQLITE_OK ? sqlite3_changes(session->db) : 0;
    t->ret_has_more = t->ret_has_more || count == limit;
    t->ret_count += count;
    if (count > 0) {
        store_totals_note(&session->totals, TOTAL_KEYS, -count);
    }
    return rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_trim_keys *t = CONTAINER_OF(op, struct store_trim_keys, op);
    t->ret_count = 0;
    t->ret_has_more = false;
    struct place place = {.is_empty = true};
    int rc = read_place(s[SELECT_PLACE], &place);
    int64_t before = rc == SQLITE_OK ? place.trimmed : 0;
    if (rc == SQLITE_OK && !place.is_empty) {
        rc = trim_events(session, s[SELECT_EVENTS], t, &place);
    } else if (rc == SQLITE_OK && place.applied - place.trimmed > t->limit) {
        place.trimmed = place.applied; // a store without keys reads no events
    }
    if (rc == SQLITE_OK && place.trimmed != before) {
        sqlite3_bind_int64(s[WRITE_PLACE], 1, place.trimmed);
        rc = sqlite_step_once(s[WRITE_PLACE]);
    }
    if (rc == SQLITE_OK) {
        rc = trim_others(session, s[DELETE_OTHERS], t);
    }
    op->result = STORE_OK;
    return rc;
}

const struct sqlite_op sqlite_trim_keys = {
    .sql =
        {
            [SELECT_PLACE] =
                "SELECT " KEY_ROW_TRIMMED_SQL ", (SELECT value FROM meta WHERE name='applied'),"
                " EXISTS(SELECT 1 FROM idempotency_event)",
            [SELECT_EVENTS] = "SELECT event_key, at, key_digest FROM event"
                              " WHERE event_key>?1 AND event_key<=?2 ORDER BY event_key",
            [DELETE_OTHERS] = "DELETE FROM idempotency WHERE name IN (SELECT name FROM idempotency"
                              " INDEXED BY idempotency_by_at WHERE at<?1 ORDER BY at LIMIT ?2)",
            [WRITE_PLACE] = "INSERT INTO meta(name, value) VALUES('keys_trimmed', ?1)"
                            " ON CONFLICT(name) DO UPDATE SET value=excluded.value",
        },
    .run = run,
};
