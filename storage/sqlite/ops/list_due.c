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

// How many runs of frozen organizations one operation passes.
enum { MOST_PASSED = 4096 };

// Reads rows up to the first one that is not asked for.
static int collect(struct session *session, struct store_list_due *l, sqlite3_stmt *s,
                   bool any_is_frozen) {
    int capacity = 0;
    int passed = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t due_us = sqlite3_column_int64(s, 2);
        bool is_first = any_is_frozen && l->ret_count == 0; // all before it were passed
        l->ret_from_us = is_first ? due_us : l->ret_from_us;
        if (l->ret_count == l->limit || due_us > l->until_us || passed == MOST_PASSED) {
            l->ret_next_due_us = due_us;
            return SQLITE_OK;
        }
        if (any_is_frozen &&
            organizations_is_frozen(session->organizations, sqlite_column_peek(s, 0))) {
            passed++;
            continue;
        }
        l->ret_due =
            rows_grow(l->op.arena, l->ret_due, l->ret_count, &capacity, sizeof(l->ret_due[0]));
        l->ret_due[l->ret_count++] = read_due(l->op.arena, s, due_us);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_list_due *l = CONTAINER_OF(op, struct store_list_due, op);
    CHECK(l->limit >= 1);
    l->ret_due = NULL;
    l->ret_count = 0;
    l->ret_next_due_us = 0;
    op->result = STORE_OK;
    bool any_is_frozen = organizations_any_is_frozen(session->organizations);
    l->ret_from_us = any_is_frozen ? l->from_us : 0;
    sqlite3_bind_int64(*s, 1, l->ret_from_us);
    int rc = collect(session, l, *s, any_is_frozen);
    sqlite3_reset(*s);
    return rc;
}

const struct sqlite_op sqlite_list_due = {
    .sql = {"SELECT organization, id, due_at, on_timeout FROM run_term INDEXED BY term_due"
            " WHERE " TERM_ROW_DUE_SQL " AND due_at>=?1 ORDER BY due_at, run_key"},
    .run = run,
};
