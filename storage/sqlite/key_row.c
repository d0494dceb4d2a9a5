#include "storage/sqlite/key_row.h"

#include "storage/sqlite/connection.h"

// What a key leads to may be gone, and another run have its id: that one was created later.
#define IS_THERE                                                                                   \
    "CASE WHEN k.sequence=0 THEN EXISTS(SELECT 1 FROM bulk AS b"                                   \
    " WHERE b.organization=k.organization AND b.id=k.target AND b.state<>6)"                       \
    " ELSE EXISTS(SELECT 1 FROM run AS r"                                                          \
    " WHERE r.organization=k.organization AND r.id=k.target AND r.started_at<=k.at) END"

enum { FINGERPRINT, AT, TARGET, THERE };

int key_rows_init(struct key_rows *k, sqlite3 *db, struct pending_keys *pending) {
    static const char *const select =
        "SELECT k.fingerprint, k.at, k.target, " IS_THERE " FROM idempotency AS k WHERE k.name=?1";
    static const char *const write = KEY_ROW_WRITE_SQL;
    static const char *const forget =
        "DELETE FROM idempotency WHERE name=?1 AND organization=?2 AND target=?3";
    k->pending = pending;
    int rc = sqlite_prepare_all(db, &select, 1, &k->select);
    if (rc == SQLITE_OK) {
        rc = sqlite_prepare_all(db, &write, 1, &k->write);
    }
    return rc == SQLITE_OK ? sqlite_prepare_all(db, &forget, 1, &k->forget) : rc;
}

void key_rows_release(struct key_rows *k) {
    sqlite_finalize_all(&k->select, 1);
    sqlite_finalize_all(&k->write, 1);
    sqlite_finalize_all(&k->forget, 1);
}

static struct slice digest_of(const uint8_t *bytes) {
    return slice_of(bytes, IDEMPOTENCY_DIGEST_BYTES);
}

// Takes the row at s, if it counts and is of a later change than that of at_us.
static int take_row(sqlite3_stmt *s, struct arena *a, const struct idempotency *asked,
                    int64_t at_us, enum idempotency_match *ret_match, struct slice *ret_id) {
    struct slice fingerprint = sqlite_column_peek(s, FINGERPRINT);
    int64_t row_us = sqlite3_column_int64(s, AT);
    if (fingerprint.len != IDEMPOTENCY_DIGEST_BYTES) {
        return SQLITE_CORRUPT;
    }
    enum idempotency_match match = idempotency_compare(asked, fingerprint.data, row_us);
    if (row_us > at_us && match != IDEMPOTENCY_NEW && sqlite3_column_int(s, THERE) != 0) {
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
    int64_t at_us = INT64_MIN;
    const struct pending_key *pending = pending_keys_find(k->pending, asked->name);
    if (pending != NULL) {
        at_us = pending->at_us;
        *ret_match = idempotency_compare(asked, pending->fingerprint, at_us);
        if (*ret_match != IDEMPOTENCY_NEW) {
            *ret_id = run_id_text(a, pending->id, pending->is_uuid);
        }
    }
    // There may be the row of a change that made no event, after that which is pending.
    sqlite_bind_blob(k->select, 1, digest_of(asked->name));
    int rc = sqlite3_step(k->select);
    if (rc == SQLITE_ROW) {
        rc = take_row(k->select, a, asked, at_us, ret_match, ret_id);
    }
    sqlite3_reset(k->select);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static struct pending_key key_of(const struct idempotency *key, struct slice organization,
                                 const struct run_id *id, int64_t sequence, int64_t at_us) {
    struct pending_key made = {
        .at_us = at_us,
        .sequence = sequence,
        .organization = organization,
        .id = run_id_stored(id),
        .is_uuid = id->is_uuid,
    };
    memcpy(made.name, key->name, IDEMPOTENCY_DIGEST_BYTES);
    memcpy(made.fingerprint, key->fingerprint, IDEMPOTENCY_DIGEST_BYTES);
    return made;
}

int key_rows_note_run(struct key_rows *k, const struct idempotency *key, struct slice organization,
                      const struct run_id *id, int64_t sequence, int64_t at_us, bool has_event) {
    if (!key->is_given) {
        return SQLITE_OK;
    }
    struct pending_key made = key_of(key, organization, id, sequence, at_us);
    if (has_event) {
        pending_keys_stage(k->pending, &made);
        return SQLITE_OK;
    }
    return key_row_write(k->write, &made, true);
}

int key_rows_note_job(struct key_rows *k, const struct idempotency *key, struct slice organization,
                      struct slice id, int64_t at_us) {
    struct run_id text = {.text = id};
    return key_rows_note_run(k, key, organization, &text, 0, at_us, false);
}

int key_rows_forget(struct key_rows *k, const uint8_t digest[KEY_ROW_DIGEST_BYTES],
                    struct slice organization, const struct run_id *id) {
    sqlite_bind_blob(k->forget, 1, digest_of(digest));
    sqlite_bind_text(k->forget, 2, organization);
    run_id_bind(k->forget, 3, id);
    return sqlite_step_once(k->forget);
}

int key_row_write(sqlite3_stmt *s, const struct pending_key *key, bool replaces_later) {
    sqlite_bind_blob(s, 1, digest_of(key->name));
    sqlite_bind_blob(s, 2, digest_of(key->fingerprint));
    sqlite3_bind_int64(s, 3, key->at_us);
    sqlite_bind_text(s, 4, key->organization);
    run_id_bind_stored(s, 5, key->id, key->is_uuid);
    sqlite3_bind_int64(s, 6, key->sequence);
    sqlite3_bind_int(s, 7, replaces_later);
    return sqlite_step_once(s);
}
