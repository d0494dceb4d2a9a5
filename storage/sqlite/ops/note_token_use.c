#include "storage/op/note_token_use.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/sqlite_op.h"

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)session;
    const struct store_note_token_use *n = CONTAINER_OF(op, struct store_note_token_use, op);
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < n->count; i++) {
        const struct token_record *use = &n->uses[i];
        sqlite_bind_text(*s, 1, use->organization);
        sqlite_bind_text(*s, 2, use->name);
        sqlite_bind_blob(*s, 3, slice_of(use->hash, TOKEN_HASH_BYTES));
        sqlite3_bind_int64(*s, 4, use->last_used_at_us);
        sqlite_bind_blob(*s, 5, slice_of(use->previous.hash, TOKEN_HASH_BYTES));
        sqlite3_bind_int64(*s, 6, use->previous.last_used_at_us);
        sqlite3_bind_int64(*s, 7, use->denials);
        sqlite3_bind_int64(*s, 8, use->refusals);
        rc = sqlite_step_once(*s);
    }
    op->result = STORE_OK;
    return rc;
}

// When the secret of that hash was last used, as far as the parameters say.
#define USED(hash) "CASE " hash " WHEN ?3 THEN ?4 WHEN ?5 THEN ?6 ELSE 0 END"

const struct sqlite_op sqlite_note_token_use = {
    .sql =
        {
            "UPDATE token SET last_used_at=max(last_used_at, " USED(
                "hash") "),"
                        " previous_last_used_at=max(previous_last_used_at, " USED(
                            "previous_hash") "),"
                                             " denials=denials+?7, refusals=refusals+?8"
                                             " WHERE organization=?1 AND name=?2",
        },
    .run = run,
};
