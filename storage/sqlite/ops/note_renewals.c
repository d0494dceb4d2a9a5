#include "storage/op/note_renewals.h"

#include "storage/sqlite/sqlite_op.h"

// Nobody else serves the store.
static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)session;
    (void)s;
    op->result = STORE_OK;
    return SQLITE_OK;
}

const struct sqlite_op sqlite_note_renewals = {.run = run};
