#include "storage/op/get_bulk.h"

#include "storage/sqlite/bulk_row.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { FIND, SAMPLE };

// Adds ids of open items that are due so.
static int add_sample(struct store_get_bulk *g, sqlite3_stmt *s, int64_t key, enum bulk_due due) {
    sqlite3_bind_int64(s, 1, key);
    sqlite3_bind_int(s, 2, (int)due);
    sqlite3_bind_int(s, 3, g->sample - g->ret_sample_count);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        g->ret_sample[g->ret_sample_count++] = run_id_column(g->op.arena, s, 0);
    }
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)session;
    struct store_get_bulk *g = CONTAINER_OF(op, struct store_get_bulk, op);
    struct bulk_row row;
    g->ret_sample_count = 0;
    g->ret_sample = ARENA_ARRAY(op->arena, struct slice, g->sample);
    int rc = bulk_row_find(op->arena, s[FIND], g->organization, g->id, &g->ret, &row);
    if (rc != SQLITE_OK) {
        op->result = STORE_NOT_FOUND;
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    op->result = STORE_OK;
    rc = add_sample(g, s[SAMPLE], row.key, BULK_DUE_RUN);
    return rc == SQLITE_OK ? add_sample(g, s[SAMPLE], row.key, BULK_DUE_PLAN) : rc;
}

const struct sqlite_op sqlite_get_bulk = {
    .sql =
        {
            [FIND] = BULK_ROW_FIND_SQL,
            // What is open is due.
            [SAMPLE] = "SELECT id FROM bulk_item INDEXED BY bulk_item_due WHERE bulk_key=?1"
                       " AND due=?2 AND outcome=0 ORDER BY id LIMIT ?3",
        },
    .run = run,
};
