#ifndef RUNSD_STORAGE_SQLITE_KEY_ROW_H
#define RUNSD_STORAGE_SQLITE_KEY_ROW_H

#include <sqlite3.h>
#include <string.h>

#include "base/core/arena.h"
#include "storage/idempotency.h"
#include "storage/sqlite/pending_keys.h"

// The keys under which changes were made (storage/idempotency.h), for the one connection that
// writes. The key of a change that makes an event is in the event (the column key_digest); its row
// of table idempotency is written later (storage/sqlite/pending_keys.h). That of another change
// has its row in the change's transaction.
struct key_rows {
    sqlite3_stmt *select;
    sqlite3_stmt *write;
    sqlite3_stmt *forget;
    struct pending_keys *pending;
};

// The column key_digest: the name, then the fingerprint.
enum { KEY_ROW_DIGEST_BYTES = 2 * IDEMPOTENCY_DIGEST_BYTES };

// Prepares the statements; pending outlives them. Returns SQLite's code; release in either case.
int key_rows_init(struct key_rows *k, sqlite3 *db, struct pending_keys *pending);
void key_rows_release(struct key_rows *k);

// Looks for the key that asked asks under, which may be none, in the open transaction. Where it is
// not IDEMPOTENCY_NEW *ret_id is the id of the run or the job that the change made, in a: it is
// there. Returns SQLite's code.
int key_rows_find(struct key_rows *k, struct arena *a, const struct idempotency *asked,
                  enum idempotency_match *ret_match, struct slice *ret_id);

// Notes in the open transaction the key, which may be none, of a change that made the run what it
// is in sequence, or that made the job of id. has_event: the change's event has its digest. Return
// SQLite's code.
int key_rows_note_run(struct key_rows *k, const struct idempotency *key, struct slice organization,
                      const struct run_id *id, int64_t sequence, int64_t at_us, bool has_event);
int key_rows_note_job(struct key_rows *k, const struct idempotency *key, struct slice organization,
                      struct slice id, int64_t at_us);

// Deletes the row of the key of digest (the column key_digest of an event), if it leads to the
// organization's run of id, which is deleted: all of the run's events are up to the mark. Returns
// SQLite's code.
int key_rows_forget(struct key_rows *k, const uint8_t digest[KEY_ROW_DIGEST_BYTES],
                    struct slice organization, const struct run_id *id);

// Puts into digest what the column key_digest has of key.
static inline struct slice key_row_digest(const struct idempotency *key,
                                          uint8_t digest[KEY_ROW_DIGEST_BYTES]) {
    memcpy(digest, key->name, IDEMPOTENCY_DIGEST_BYTES);
    memcpy(digest + IDEMPOTENCY_DIGEST_BYTES, key->fingerprint, IDEMPOTENCY_DIGEST_BYTES);
    return slice_of(digest, KEY_ROW_DIGEST_BYTES);
}

// Writes the row of ?1 name, which is made if there is none; where ?7 is 0 that of a later change
// stays. For key_row_write. Returns SQLite's code.
#define KEY_ROW_WRITE_SQL                                                                          \
    "INSERT INTO idempotency(name, fingerprint, at, organization, target, sequence)"               \
    " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(name) DO UPDATE SET"                              \
    " fingerprint=excluded.fingerprint, at=excluded.at, organization=excluded.organization,"       \
    " target=excluded.target, sequence=excluded.sequence WHERE excluded.at>=at OR ?7"
int key_row_write(sqlite3_stmt *s, const struct pending_key *key, bool replaces_later);

#endif
