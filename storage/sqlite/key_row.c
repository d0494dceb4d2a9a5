#include "storage/sqlite/key_row.h"

#include "storage/sqlite/connection.h"

// What a key leads to may be gone, and another run have its id.
#define IS_THERE                                                                                   \
    "CASE WHEN k.run_key=0 THEN EXISTS(SELECT 1 FROM bulk AS b"                                    \
    " WHERE b.organization=k.organization AND b.id=k.target AND b.state<>6)"                       \
    " ELSE EXISTS(SELECT 1 FROM run AS r"                                                          \
    " WHERE r.organization=k.organization AND r.id=k.target AND r.run_key=k.run_key) END"

enum { SELECT_KEY, INSERT_OTHER, DELETE_OTHER, INSERT_EVENT, UPDATE_EVENT, DELETE_EVENT };

static const char *const sql[KEY_ROW_STATEMENTS] = {
    // The keys of name ?1 by which changes were made: that of the event ?2, or where this is 0 of
    // the one that its row leads to, and that of a change without an event. An event goes with its
    // run.
    [SELECT_KEY] =
        "SELECT CASE substr(e.key_digest, 1, 16) WHEN ?1 THEN substr(e.key_digest, 17) END, e.at,"
        " e.id, 1 FROM event AS e WHERE e.event_key="
        "CASE ?2 WHEN 0 THEN (SELECT n.event_key FROM idempotency_event AS n WHERE n.name=?1)"
        " ELSE ?2 END"
        " UNION ALL SELECT k.fingerprint, k.at, k.target, " IS_THERE
        " FROM idempotency AS k WHERE k.name=?1",
    [INSERT_OTHER] = "INSERT INTO idempotency(name, fingerprint, at, organization, target, run_key)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [DELETE_OTHER] = "DELETE FROM idempotency WHERE name=?1",
    [INSERT_EVENT] = "INSERT INTO idempotency_event(name, event_key) VALUES(?1, ?2)"
                     " ON CONFLICT(name) DO NOTHING",
    [UPDATE_EVENT] = "UPDATE idempotency_event SET event_key=?2 WHERE name=?1 AND event_key<?2",
    [DELETE_EVENT] = "DELETE FROM idempotency_event WHERE name=?1 AND event_key=?2",
};

enum { FINGERPRINT, AT, TARGET, THERE };

int key_rows_init(struct key_rows *k, sqlite3 *db, struct pending_keys *pending,
                  struct store_totals *totals) {
    *k = (struct key_rows){.db = db, .pending = pending, .totals = totals};
    return sqlite_prepare_all(db, sql, KEY_ROW_STATEMENTS, k->statements);
}

void key_rows_release(struct key_rows *k) {
    sqlite_finalize_all(k->statements, KEY_ROW_STATEMENTS);
}

// Runs s, which adds rows to the tables of keys, or with a sign of -1 takes rows from them.
static int run_counted(struct key_rows *k, sqlite3_stmt *s, int sign) {
    int rc = sqlite_step_once(s);
    int count = rc == SQLITE_OK ? sqlite3_changes(k->db) : 0;
    if (count > 0) {
        store_totals_note(k->totals, TOTAL_KEYS, (int64_t)sign * count);
    }
    return rc;
}

static struct slice digest_of(const uint8_t *bytes) {
    return slice_of(bytes, IDEMPOTENCY_DIGEST_BYTES);
}

// Takes the row at s, if it counts and is of a later change than that of *at_us, which it becomes.
static int take_row(sqlite3_stmt *s, struct arena *a, const struct idempotency *asked,
                    int64_t *at_us, enum idempotency_match *ret_match, struct slice *ret_id) {
    struct slice fingerprint = sqlite_column_peek(s, FINGERPRINT);
    int64_t row_us = sqlite3_column_int64(s, AT);
    if (fingerprint.len != IDEMPOTENCY_DIGEST_BYTES) {
        return SQLITE_CORRUPT;
    }
    enum idempotency_match match = idempotency_compare(asked, fingerprint.data, row_us);
    if (match != IDEMPOTENCY_NEW && row_us > *at_us && sqlite3_column_int(s, THERE) != 0) {
        *at_us = row_us;
        *ret_match = match;
        *ret_id = run_id_column(a, s, TARGET);
    }
    return SQLITE_OK;
}

int key_rows_find(struct key_rows *k, struct arena *a, const struct idempotency *asked,
                  enum idempotency_match *ret_match, struct slice *ret_id) {
    *ret_match = IDEMPOTENCY_NEW;
    if (!asked->is_given) {
        return SQLITE_OK;
    }
    sqlite3_stmt *s = k->statements[SELECT_KEY];
    sqlite_bind_blob(s, 1, digest_of(asked->name));
    sqlite3_bind_int64(s, 2, pending_keys_find(k->pending, asked->name));
    int64_t at_us = INT64_MIN;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        rc = take_row(s, a, asked, &at_us, ret_match, ret_id);
        if (rc != SQLITE_OK) {
            break;
        }
    }
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

void key_rows_note_event(struct key_rows *k, const struct idempotency *key, int64_t event) {
    if (key->is_given) {
        struct pending_key pending = {.event = event};
        memcpy(pending.name, key->name, IDEMPOTENCY_DIGEST_BYTES);
        pending_keys_stage(k->pending, &pending);
    }
}

int key_rows_note_run(struct key_rows *k, const struct idempotency *key, struct slice organization,
                      const struct run_id *id, int64_t run_key, int64_t at_us) {
    if (!key->is_given) {
        return SQLITE_OK;
    }
    // There may be the row of a key that does not count any more.
    sqlite_bind_blob(k->statements[DELETE_OTHER], 1, digest_of(key->name));
    int rc = run_counted(k, k->statements[DELETE_OTHER], -1);
    if (rc == SQLITE_OK) {
        sqlite3_stmt *s = k->statements[INSERT_OTHER];
        sqlite_bind_blob(s, 1, digest_of(key->name));
        sqlite_bind_blob(s, 2, digest_of(key->fingerprint));
        sqlite3_bind_int64(s, 3, at_us);
        sqlite_bind_text(s, 4, organization);
        run_id_bind(s, 5, id);
        sqlite3_bind_int64(s, 6, run_key);
        rc = run_counted(k, s, 1);
    }
    return rc;
}

int key_rows_note_job(struct key_rows *k, const struct idempotency *key, struct slice organization,
                      struct slice id, int64_t at_us) {
    struct run_id text = {.text = id};
    return key_rows_note_run(k, key, organization, &text, 0, at_us);
}

static sqlite3_stmt *bind_event(sqlite3_stmt *s, const uint8_t *name, int64_t event) {
    sqlite_bind_blob(s, 1, digest_of(name));
    sqlite3_bind_int64(s, 2, event);
    return s;
}

int key_rows_write(struct key_rows *k, const struct pending_key *key) {
    int rc = run_counted(k, bind_event(k->statements[INSERT_EVENT], key->name, key->event), 1);
    return rc == SQLITE_OK && sqlite3_changes(k->db) == 0
               ? sqlite_step_once(bind_event(k->statements[UPDATE_EVENT], key->name, key->event))
               : rc;
}

int key_rows_forget(struct key_rows *k, const uint8_t digest[KEY_ROW_DIGEST_BYTES], int64_t event) {
    return run_counted(k, bind_event(k->statements[DELETE_EVENT], digest, event), -1);
}

struct slice key_row_digest(const struct idempotency *key, uint8_t digest[KEY_ROW_DIGEST_BYTES]) {
    memcpy(digest, key->name, IDEMPOTENCY_DIGEST_BYTES);
    memcpy(digest + IDEMPOTENCY_DIGEST_BYTES, key->fingerprint, IDEMPOTENCY_DIGEST_BYTES);
    return slice_of(digest, KEY_ROW_DIGEST_BYTES);
}
