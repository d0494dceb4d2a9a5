#include "storage/op/list_unfinished_bulks.h"

#include "base/core/check.h"
#include "storage/sqlite/bulk_row.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

static int collect(struct session *session, struct store_list_unfinished_bulks *l,
                   sqlite3_stmt *s) {
    struct arena *a = l->op.arena;
    int capacity = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        if (organizations_is_frozen(session->organizations, sqlite_column_peek(s, 1))) {
            continue;
        }
        if (l->ret_count == l->limit) {
            l->ret_has_more = true;
            return SQLITE_OK;
        }
        l->ret_bulks = rows_grow(a, l->ret_bulks, l->ret_count, &capacity, sizeof(l->ret_bulks[0]));
        l->ret_bulks[l->ret_count++] = (struct store_unfinished_bulk){
            .organization = sqlite_column_slice(a, s, 1),
            .id = sqlite_column_slice(a, s, 2),
            .state = (enum bulk_state)sqlite3_column_int(s, 3),
        };
        l->ret_position = sqlite3_column_int64(s, 0);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_list_unfinished_bulks *l =
        CONTAINER_OF(op, struct store_list_unfinished_bulks, op);
    CHECK(l->limit >= 1);
    l->ret_bulks = NULL;
    l->ret_count = 0;
    l->ret_has_more = false;
    op->result = STORE_OK;
    sqlite3_bind_int64(*s, 1, l->position);
    int rc = collect(session, l, *s);
    sqlite3_reset(*s);
    return rc;
}

const struct sqlite_op sqlite_list_unfinished_bulks = {
    .sql = {"SELECT bulk_key, organization, id, state FROM bulk INDEXED BY bulk_at_work"
            " WHERE bulk_key>?1 AND " BULK_ROW_AT_WORK_SQL " ORDER BY bulk_key"},
    .run = run,
};
