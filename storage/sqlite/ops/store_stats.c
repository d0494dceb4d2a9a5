#include "storage/op/store_stats.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { SELECT_TOTALS, SELECT_OLDEST, PAGE_COUNT, PAGE_SIZE, FREE_PAGES };

// Reads the one number that s returns; 0 if it returns no row.
static int read_number(sqlite3_stmt *s, int64_t *ret) {
    int rc = sqlite3_step(s);
    *ret = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int read_totals(sqlite3_stmt *s, struct store_sizes *ret) {
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        ret->events = sqlite3_column_int64(s, 0);
        ret->keys = sqlite3_column_int64(s, 1);
        ret->jobs = sqlite3_column_int64(s, 2);
    }
    sqlite3_reset(s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_store_stats *q = CONTAINER_OF(op, struct store_store_stats, op);
    struct organization_sums sums = organizations_sum(session->organizations);
    struct store_sizes *ret = &q->ret;
    int64_t page_size = 0;
    *ret = (struct store_sizes){.organizations = sums.count};
    memcpy(ret->runs, sums.runs, sizeof(ret->runs));
    op->result = STORE_OK;
    int rc = read_totals(s[SELECT_TOTALS], ret);
    if (rc == SQLITE_OK) {
        rc = read_number(s[SELECT_OLDEST], &ret->oldest_event_at_us);
    }
    if (rc == SQLITE_OK) {
        rc = read_number(s[PAGE_COUNT], &ret->bytes);
    }
    if (rc == SQLITE_OK) {
        rc = read_number(s[FREE_PAGES], &ret->free_bytes);
    }
    if (rc == SQLITE_OK) {
        rc = read_number(s[PAGE_SIZE], &page_size);
    }
    ret->bytes *= page_size;
    ret->free_bytes *= page_size;
    return rc;
}

const struct sqlite_op sqlite_store_stats = {
    .sql =
        {
            // Events have the keys 1, 2, 3 and so on.
            [SELECT_TOTALS] = "SELECT " SCHEMA_NEWEST_EVENT_SQL "-" STORE_TOTAL_EVENTS_GONE_SQL
                              ", " STORE_TOTAL_KEYS_SQL ", " STORE_TOTAL_JOBS_SQL,
            [SELECT_OLDEST] = "SELECT at FROM event ORDER BY event_key LIMIT 1",
            [PAGE_COUNT] = "PRAGMA page_count",
            [PAGE_SIZE] = "PRAGMA page_size",
            [FREE_PAGES] = "PRAGMA freelist_count",
        },
    .run = run,
};
