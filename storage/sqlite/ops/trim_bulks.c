#include "storage/op/trim_bulks.h"

#include "base/core/check.h"
#include "storage/sqlite/bulk_row.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { LEAVING, ENDED, PLANNED, LEAVE, DELETE_ITEMS, DELETE_BULK };

// Sets *ret_key to the job of the first row of s, which has the bound if it takes one. Returns
// SQLite's code; SQLITE_DONE if there is none.
static int find_first(sqlite3_stmt *s, int64_t bound, int64_t *ret_key) {
    if (sqlite3_bind_parameter_count(s) > 0) {
        sqlite3_bind_int64(s, 1, bound);
    }
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *ret_key = sqlite3_column_int64(s, 0);
        rc = SQLITE_OK;
    }
    sqlite3_reset(s);
    return rc;
}

// Finds a job that is to go, and has it leave. Returns as find_first.
static int find_job(const struct store_trim_bulks *t, sqlite3_stmt *const *s, int64_t *ret_key) {
    int rc = find_first(s[LEAVING], 0, ret_key);
    if (rc != SQLITE_DONE) {
        return rc;
    }
    rc = find_first(s[ENDED], t->finished_before_us, ret_key);
    if (rc == SQLITE_DONE) {
        rc = find_first(s[PLANNED], t->planned_before_us, ret_key);
    }
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(s[LEAVE], 1, *ret_key);
        rc = sqlite_step_once(s[LEAVE]);
    }
    return rc;
}

// Removes items of the job, and the job if it has no more than there is room for.
static int remove_job(struct session *session, struct store_trim_bulks *t, sqlite3_stmt *const *s,
                      int64_t key) {
    int room = t->limit - t->ret_count;
    sqlite3_bind_int64(s[DELETE_ITEMS], 1, key);
    sqlite3_bind_int(s[DELETE_ITEMS], 2, room);
    int rc = sqlite_step_once(s[DELETE_ITEMS]);
    int gone = rc == SQLITE_OK ? sqlite3_changes(session->db) : 0;
    t->ret_count += gone;
    if (rc == SQLITE_OK && gone < room) {
        sqlite3_bind_int64(s[DELETE_BULK], 1, key);
        rc = sqlite_step_once(s[DELETE_BULK]);
        t->ret_count++;
        store_totals_note(&session->totals, TOTAL_JOBS, -1);
    }
    return rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_trim_bulks *t = CONTAINER_OF(op, struct store_trim_bulks, op);
    int64_t key = 0;
    int rc = SQLITE_OK;
    CHECK(t->limit >= 1);
    t->ret_count = 0;
    while (rc == SQLITE_OK && t->ret_count < t->limit && (rc = find_job(t, s, &key)) == SQLITE_OK) {
        rc = remove_job(session, t, s, key);
    }
    t->ret_has_more = rc == SQLITE_OK;
    op->result = STORE_OK;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

const struct sqlite_op sqlite_trim_bulks = {
    .sql =
        {
            [LEAVING] = "SELECT bulk_key FROM bulk INDEXED BY bulk_leaving"
                        " WHERE " BULK_ROW_LEAVING_SQL " ORDER BY bulk_key LIMIT 1",
            [ENDED] = "SELECT bulk_key FROM bulk INDEXED BY bulk_ended WHERE " BULK_ROW_ENDED_SQL
                      " AND finished_at<?1 ORDER BY finished_at LIMIT 1",
            [PLANNED] = "SELECT bulk_key FROM bulk INDEXED BY bulk_planned"
                        " WHERE " BULK_ROW_PLANNED_SQL " AND created_at<?1"
                        " ORDER BY created_at LIMIT 1",
            [LEAVE] = "UPDATE bulk SET state=6 WHERE bulk_key=?1",
            [DELETE_ITEMS] = "DELETE FROM bulk_item WHERE bulk_key=?1 AND id IN"
                             " (SELECT id FROM bulk_item WHERE bulk_key=?1 ORDER BY id LIMIT ?2)",
            [DELETE_BULK] = "DELETE FROM bulk WHERE bulk_key=?1",
        },
    .run = run,
};
