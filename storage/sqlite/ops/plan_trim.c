#include "storage/op/plan_trim.h"

#include "base/core/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/event_age.h"
#include "storage/sqlite/feed_age.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { SELECT_NAMES, SELECT_MARK, SELECT_LINK, SELECT_NEWEST, SELECT_AT };

// Looks whether the organization's floor is to be raised.
static int plan(struct store_plan_trim *p, sqlite3_stmt *const *s, struct slice organization,
                const struct organization_head *head, int64_t aged_event, int *capacity) {
    int64_t aged = 0;
    int rc = aged_event > 0 ? feed_age_revision(s[SELECT_MARK], s[SELECT_LINK], organization, head,
                                                aged_event, &aged)
                            : SQLITE_OK;
    int64_t floor = store_plan_trim_floor(p, head->revision, head->floor, aged);
    if (rc == SQLITE_OK && floor > head->floor) {
        p->ret_trims =
            rows_grow(p->op.arena, p->ret_trims, p->ret_count, capacity, sizeof(*p->ret_trims));
        p->ret_trims[p->ret_count++] = (struct store_trim){organization, floor};
    }
    return rc;
}

// Reads up to limit names and the one behind them.
static int read_names(struct store_plan_trim *p, sqlite3_stmt *s, struct slice **ret_names,
                      int *ret_count) {
    int capacity = 0;
    int rc;
    sqlite_bind_text(s, 1, p->cursor);
    sqlite3_bind_int64(s, 2, (int64_t)p->limit + 1);
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        *ret_names =
            rows_grow(p->op.arena, *ret_names, *ret_count, &capacity, sizeof(struct slice));
        (*ret_names)[(*ret_count)++] = sqlite_column_slice(p->op.arena, s, 0);
    }
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_plan_trim *p = CONTAINER_OF(op, struct store_plan_trim, op);
    CHECK(p->limit >= 1);
    p->ret_trims = NULL;
    p->ret_count = 0;
    struct slice *names = NULL;
    int count = 0;
    int capacity = 0;
    int64_t aged_event = 0;
    int rc = read_names(p, s[SELECT_NAMES], &names, &count);
    if (rc == SQLITE_OK && p->oldest_at_us != INT64_MIN) {
        int64_t newest;
        rc = event_age_find(s[SELECT_NEWEST], s[SELECT_AT], p->oldest_at_us, &aged_event, &newest);
    }
    for (int i = 0; rc == SQLITE_OK && i < count && i < p->limit; i++) {
        struct organization_head head;
        rc = session_read_head(session, names[i], &head);
        if (rc == SQLITE_OK) {
            rc = plan(p, s, names[i], &head, aged_event, &capacity);
        }
    }
    p->ret_has_more = count > p->limit;
    p->ret_cursor = p->ret_has_more ? names[p->limit] : SLICE_EMPTY;
    op->result = STORE_OK;
    return rc;
}

const struct sqlite_op sqlite_plan_trim = {
    .sql =
        {
            [SELECT_NAMES] = "SELECT name FROM organization WHERE name>=?1 ORDER BY name LIMIT ?2",
            [SELECT_MARK] = FEED_MARK_SQL,
            [SELECT_LINK] = FEED_LINK_SQL,
            [SELECT_NEWEST] = EVENT_AGE_NEWEST_SQL,
            [SELECT_AT] = EVENT_AGE_AT_SQL,
        },
    .run = run,
    .is_long = true,
};
