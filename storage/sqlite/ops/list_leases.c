#include "storage/op/list_leases.h"

#include "base/core/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { STARTED_AT = 5 };

static struct store_lease read_lease(struct arena *a, sqlite3_stmt *s) {
    return (struct store_lease){
        .organization = sqlite_column_slice(a, s, 0),
        .id = run_id_column(a, s, 1),
        .attempt = sqlite3_column_int64(s, 2),
        .holder = sqlite_column_slice(a, s, 3),
        .lease_us = sqlite3_column_int64(s, 4),
    };
}

// Whoever holds a run has a name, so that all leases are behind a cursor of nothing.
static void bind_cursor(sqlite3_stmt *s, const struct store_list_leases *l,
                        const struct store_lease_cursor *cursor, const struct run_id *id) {
    sqlite_bind_text(s, 1, l->has_cursor ? cursor->organization : SLICE_EMPTY);
    sqlite_bind_text(s, 2, l->has_cursor ? cursor->holder : SLICE_EMPTY);
    sqlite3_bind_int64(s, 3, l->has_cursor ? cursor->started_at_us : 0);
    run_id_bind(s, 4, id);
}

static int collect(struct store_list_leases *l, sqlite3_stmt *s) {
    int capacity = 0;
    int64_t started_at_us = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        if (l->ret_count == l->limit) {
            const struct store_lease *last = &l->ret_leases[l->ret_count - 1];
            l->ret_has_more = true;
            l->ret_cursor = (struct store_lease_cursor){last->organization, last->holder,
                                                        started_at_us, last->id};
            return SQLITE_OK;
        }
        l->ret_leases = rows_grow(l->op.arena, l->ret_leases, l->ret_count, &capacity,
                                  sizeof(l->ret_leases[0]));
        l->ret_leases[l->ret_count++] = read_lease(l->op.arena, s);
        started_at_us = sqlite3_column_int64(s, STARTED_AT);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)session;
    struct store_list_leases *l = CONTAINER_OF(op, struct store_list_leases, op);
    struct run_id id = run_id_of(l->has_cursor ? l->cursor.id : SLICE_EMPTY);
    CHECK(l->limit >= 1);
    l->ret_leases = NULL;
    l->ret_count = 0;
    l->ret_has_more = false;
    op->result = STORE_OK;
    bind_cursor(*s, l, &l->cursor, &id);
    int rc = collect(l, *s);
    sqlite3_reset(*s);
    return rc;
}

const struct sqlite_op sqlite_list_leases = {
    .sql = {"SELECT t.organization, t.id, r.attempt, t.holder, t.lease, t.started_at"
            " FROM run_term AS t INDEXED BY term_held CROSS JOIN run AS r"
            " WHERE t." TERM_ROW_HELD_SQL
            " AND (t.organization, t.holder, t.started_at, t.id)>(?1, ?2, ?3, ?4)"
            " AND r.organization=t.organization AND r.id=t.id"
            " ORDER BY t.organization, t.holder, t.started_at, t.id"},
    .run = run,
    .is_long = true,
};
