#ifndef RUNSD_STORAGE_SQLITE_KEY_ROW_H
#define RUNSD_STORAGE_SQLITE_KEY_ROW_H

#include <sqlite3.h>

#include "base/core/arena.h"
#include "storage/idempotency.h"
#include "storage/sqlite/pending_keys.h"
#include "storage/sqlite/run_id.h"
#include "storage/sqlite/store_totals.h"

enum { KEY_ROW_STATEMENTS = 6 };

// The keys under which changes were made (storage/idempotency.h), for the one connection that
// writes. That of a change which makes an event is in the event (the column key_digest), to which a
// row of table idempotency_event leads; that row is written later (storage/sqlite/pending_keys.h).
// That of another change, and what it was made to, is a row of table idempotency, written in the
// change's transaction.
struct key_rows {
    sqlite3 *db;
    sqlite3_stmt *statements[KEY_ROW_STATEMENTS];
    struct pending_keys *pending;
    struct store_totals *totals; // notes the rows of both tables
};

// The column key_digest: the name, then the fingerprint.
enum { KEY_ROW_DIGEST_BYTES = 2 * IDEMPOTENCY_DIGEST_BYTES };

// Prepares the statements; pending and totals outlive them. Returns SQLite's code; release in
// either case.
int key_rows_init(struct key_rows *k, sqlite3 *db, struct pending_keys *pending,
                  struct store_totals *totals);
void key_rows_release(struct key_rows *k);

// Looks for the key that asked asks under, which may be none, in the open transaction. Where it is
// not IDEMPOTENCY_NEW *ret_id is the id of the run or the job that the change made, in a: it is
// there. Returns SQLite's code.
int key_rows_find(struct key_rows *k, struct arena *a, const struct idempotency *asked,
                  enum idempotency_match *ret_match, struct slice *ret_id);

// Notes in the open transaction the key, which may be none, of the event that has its digest.
void key_rows_note_event(struct key_rows *k, const struct idempotency *key, int64_t event);

// Note in the open transaction the key, which may be none, of a change that makes no event: of the
// run of id and run_key, or of the job of id. Return SQLite's code.
int key_rows_note_run(struct key_rows *k, const struct idempotency *key, struct slice organization,
                      const struct run_id *id, int64_t run_key, int64_t at_us);
int key_rows_note_job(struct key_rows *k, const struct idempotency *key, struct slice organization,
                      struct slice id, int64_t at_us);

// Writes the row that leads to the event of key, unless one leads to a later event of its name.
// Returns SQLite's code.
int key_rows_write(struct key_rows *k, const struct pending_key *key);

// Deletes the row that leads to the event, whose digest (the column key_digest) is digest, and
// which is deleted: it is not after the mark. Returns SQLite's code.
int key_rows_forget(struct key_rows *k, const uint8_t digest[KEY_ROW_DIGEST_BYTES], int64_t event);

// The event up to which rows that lead to events were trimmed (storage/op/trim_keys.h): a query of
// one integer.
#define KEY_ROW_TRIMMED_SQL "coalesce((SELECT value FROM meta WHERE name='keys_trimmed'), 0)"

// Puts into digest what the column key_digest has of key.
struct slice key_row_digest(const struct idempotency *key, uint8_t digest[KEY_ROW_DIGEST_BYTES]);

#endif
