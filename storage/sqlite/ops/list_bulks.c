#include "storage/op/list_bulks.h"

#include "base/core/check.h"
#include "storage/sqlite/bulk_row.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { FROM_NEWEST, FROM_CURSOR };

static int collect(struct store_list_bulks *l, sqlite3_stmt *s) {
    int capacity = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        if (l->ret_count == l->limit) {
            const struct bulk_record *last = &l->ret_bulks[l->ret_count - 1];
            l->ret_has_more = true;
            l->ret_cursor = (struct store_bulk_cursor){last->created_at_us, last->id};
            return SQLITE_OK;
        }
        struct bulk_record bulk;
        struct bulk_row row;
        rc = bulk_row_read(l->op.arena, s, &bulk, &row);
        if (rc != SQLITE_OK) {
            return rc;
        }
        l->ret_bulks = rows_grow(l->op.arena, l->ret_bulks, l->ret_count, &capacity, sizeof(bulk));
        l->ret_bulks[l->ret_count++] = bulk;
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *statements, struct store_op *op) {
    (void)session;
    struct store_list_bulks *l = CONTAINER_OF(op, struct store_list_bulks, op);
    sqlite3_stmt *s = statements[l->has_cursor ? FROM_CURSOR : FROM_NEWEST];
    CHECK(l->limit >= 1);
    l->ret_bulks = NULL;
    l->ret_count = 0;
    l->ret_has_more = false;
    op->result = STORE_OK;
    sqlite_bind_text(s, 1, l->organization);
    if (l->has_cursor) {
        sqlite3_bind_int64(s, 2, l->cursor.created_at_us);
        sqlite_bind_text(s, 3, l->cursor.id);
    }
    int rc = collect(l, s);
    sqlite3_reset(s);
    return rc;
}

#define LIST_SQL(where)                                                                            \
    "SELECT " BULK_ROW_COLUMNS " FROM bulk INDEXED BY bulk_by_creation"                            \
    " WHERE organization=?1 AND state<>6" where " ORDER BY created_at DESC, id DESC"

const struct sqlite_op sqlite_list_bulks = {
    .sql =
        {[FROM_NEWEST] = LIST_SQL(""), [FROM_CURSOR] = LIST_SQL(" AND (created_at, id)<(?2, ?3)")},
    .run = run,
};
