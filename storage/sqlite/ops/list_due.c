#include "storage/op/list_due.h"

#include "base/core/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

static struct store_due read_due(struct arena *a, sqlite3_stmt *s, int64_t due_us) {
    return (struct store_due){
        .organization = sqlite_column_slice(a, s, 0),
        .id = run_id_column(a, s, 1),
        .due_us = due_us,
        .on_timeout = (enum run_status)sqlite3_column_int(s, 3),
    };
}

// Reads rows up to the first one that is not asked for.
static int collect(struct store_list_due *l, sqlite3_stmt *s) {
    int capacity = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t due_us = sqlite3_column_int64(s, 2);
        if (l->ret_count == l->limit || due_us > l->until_us) {
            l->ret_next_due_us = due_us;
            return SQLITE_OK;
        }
        l->ret_due =
            rows_grow(l->op.arena, l->ret_due, l->ret_count, &capacity, sizeof(l->ret_due[0]));
        l->ret_due[l->ret_count++] = read_due(l->op.arena, s, due_us);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)session;
    struct store_list_due *l = CONTAINER_OF(op, struct store_list_due, op);
    CHECK(l->limit >= 1);
    l->ret_due = NULL;
    l->ret_count = 0;
    l->ret_next_due_us = 0;
    op->result = STORE_OK;
    int rc = collect(l, *s);
    sqlite3_reset(*s);
    return rc;
}

const struct sqlite_op sqlite_list_due = {
    .sql = {"SELECT organization, id, due_at, on_timeout FROM run_term INDEXED BY term_due"
            " WHERE " TERM_ROW_DUE_SQL " ORDER BY due_at, run_key"},
    .run = run,
};
