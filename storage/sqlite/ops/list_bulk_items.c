#include "storage/op/list_bulk_items.h"

#include "base/core/check.h"
#include "storage/sqlite/bulk_row.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

// How many items one listing looks at before it stops with has_more.
enum { SCAN_LIMIT = 10000 };

enum { FIND, ITEMS };

static int collect(struct store_list_bulk_items *l, sqlite3_stmt *s) {
    struct arena *a = l->op.arena;
    int capacity = 0;
    int rc;
    for (int scanned = 1; (rc = sqlite3_step(s)) == SQLITE_ROW; scanned++) {
        int outcome = sqlite3_column_int(s, 1);
        bool is_wanted = (BULK_OUTCOME_BIT((unsigned)outcome & 31u) & l->outcomes) != 0;
        if (is_wanted && l->ret_count == l->limit) {
            l->ret_has_more = true;
            l->ret_after = l->ret_items[l->ret_count - 1].id;
            return SQLITE_OK;
        }
        if (is_wanted) {
            l->ret_items =
                rows_grow(a, l->ret_items, l->ret_count, &capacity, sizeof(l->ret_items[0]));
            l->ret_items[l->ret_count++] = (struct store_bulk_item){
                .id = run_id_column(a, s, 0), .outcome = (enum bulk_outcome)outcome};
        }
        if (scanned >= SCAN_LIMIT) {
            l->ret_has_more = true;
            l->ret_after = run_id_column(a, s, 0);
            return SQLITE_OK;
        }
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)session;
    struct store_list_bulk_items *l = CONTAINER_OF(op, struct store_list_bulk_items, op);
    struct bulk_record bulk;
    struct bulk_row row;
    CHECK(l->limit >= 1);
    l->ret_items = NULL;
    l->ret_count = 0;
    l->ret_has_more = false;
    int rc = bulk_row_find(op->arena, s[FIND], l->organization, l->id, &bulk, &row);
    if (rc != SQLITE_OK) {
        op->result = STORE_NOT_FOUND;
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    op->result = STORE_OK;
    struct run_id after = run_id_of(l->after);
    sqlite3_bind_int64(s[ITEMS], 1, row.key);
    run_id_bind(s[ITEMS], 2, &after);
    rc = collect(l, s[ITEMS]);
    sqlite3_reset(s[ITEMS]);
    return rc;
}

const struct sqlite_op sqlite_list_bulk_items = {
    .sql =
        {
            [FIND] = BULK_ROW_FIND_SQL,
            [ITEMS] = "SELECT id, outcome FROM bulk_item WHERE bulk_key=?1 AND id>?2 ORDER BY id",
        },
    .run = run,
    .is_long = true,
};
