#include "storage/op/list_ended.h"

#include "base/core/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/event_age.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/run_id.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

_Static_assert(STORE_EVENT_DELETION == 7, "the SQL below names its number");

enum { SELECT_EVENTS, SELECT_NEWEST, SELECT_AT, SELECT_APPLIED, TOUCH_RUN };

// Finds the newest event that is old enough, and whose deletion the store can do with: not the
// newest one, and none of which rows may be behind.
static int find_end(const struct store_list_ended *l, sqlite3_stmt *const *s, int64_t *ret_end) {
    int64_t aged = 0;
    int64_t applied = 0;
    int64_t newest = 0;
    int rc = event_age_find(s[SELECT_NEWEST], s[SELECT_AT], l->finished_before_us, &aged, &newest);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(s[SELECT_APPLIED]);
        applied = sqlite3_column_int64(s[SELECT_APPLIED], 0);
        sqlite3_reset(s[SELECT_APPLIED]);
        rc = rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
    }
    aged = aged < applied ? aged : applied;
    *ret_end = aged < newest ? aged : newest - 1;
    return rc;
}

// Adds the run that the event at s ended, if it did.
static void take(struct session *session, struct store_list_ended *l, sqlite3_stmt *s,
                 int *capacity) {
    int64_t finished_at_us = sqlite3_column_int64(s, 3);
    if (sqlite3_column_type(s, 3) == SQLITE_NULL || finished_at_us >= l->finished_before_us ||
        organizations_is_frozen(session->organizations, sqlite_column_peek(s, 1))) {
        return;
    }
    l->ret_runs = rows_grow(l->op.arena, l->ret_runs, l->ret_count, capacity, sizeof(*l->ret_runs));
    l->ret_runs[l->ret_count++] = (struct store_ended_run){
        .organization = sqlite_column_slice(l->op.arena, s, 1),
        .id = run_id_column(l->op.arena, s, 2),
        .finished_at_us = finished_at_us,
        .newest_revision = sqlite3_column_int64(s, 4),
    };
}

// Reads the pages that the deletion of the run will need, so that the writer need not wait for the
// disk.
static int touch(const struct store_ended_run *run, sqlite3_stmt *s) {
    struct run_id id = run_id_of(run->id);
    sqlite_bind_text(s, 1, run->organization);
    run_id_bind(s, 2, &id);
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_list_ended *l = CONTAINER_OF(op, struct store_list_ended, op);
    CHECK(l->limit >= 1);
    l->ret_runs = NULL;
    l->ret_count = 0;
    l->ret_cursor = l->cursor;
    l->ret_has_more = false;
    op->result = STORE_OK;
    int64_t end = 0;
    int rc = find_end(l, s, &end);
    if (rc != SQLITE_OK || end <= l->cursor) {
        return rc;
    }
    int capacity = 0;
    int looks = 0;
    sqlite3_bind_int64(s[SELECT_EVENTS], 1, l->cursor);
    sqlite3_bind_int64(s[SELECT_EVENTS], 2, end);
    while (looks < STORE_MOST_ENDED_LOOKS && l->ret_count < l->limit &&
           (rc = sqlite3_step(s[SELECT_EVENTS])) == SQLITE_ROW) {
        l->ret_cursor = sqlite3_column_int64(s[SELECT_EVENTS], 0);
        take(session, l, s[SELECT_EVENTS], &capacity);
        looks++;
    }
    sqlite3_reset(s[SELECT_EVENTS]);
    l->ret_has_more = rc == SQLITE_ROW;
    l->ret_cursor = l->ret_has_more ? l->ret_cursor : end;
    rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    for (int i = 0; rc == SQLITE_OK && i < l->ret_count; i++) {
        rc = touch(&l->ret_runs[i], s[TOUCH_RUN]);
    }
    return rc;
}

const struct sqlite_op sqlite_list_ended = {
    .sql =
        {
            // Of those that ended a run with when, of the others with NULL.
            [SELECT_EVENTS] =
                "SELECT e.event_key, e.organization, e.id,"
                " CASE WHEN e.kind=7 THEN e.at"
                "  WHEN e.to_status IN (3, 4, 5) THEN (SELECT r.updated_at FROM run AS r"
                "   WHERE r.organization=e.organization AND r.id=e.id"
                "   AND r.newest_event=e.event_key) END, e.revision"
                " FROM event AS e WHERE e.event_key>?1 AND e.event_key<=?2 ORDER BY e.event_key",
            [SELECT_NEWEST] = EVENT_AGE_NEWEST_SQL,
            [SELECT_AT] = EVENT_AGE_AT_SQL,
            // The row's page has been read, and that of its newest event.
            [TOUCH_RUN] =
                "WITH RECURSIVE chain(event_key, nth) AS ("
                "  SELECT newest_event, 1 FROM run WHERE organization=?1 AND id=?2"
                "  UNION ALL SELECT c.previous_of_run, nth+1 FROM chain CROSS JOIN event AS c"
                "   WHERE c.event_key=chain.event_key AND c.previous_of_run<>0 AND nth<64)"
                " SELECT (SELECT count(*) FROM chain),"
                "  (SELECT length(b.spec) FROM run_body AS b WHERE b.run_key=r.run_key),"
                "  EXISTS(SELECT 1 FROM run AS i INDEXED BY run_by_start"
                "   WHERE i.organization=?1 AND i.started_at=r.started_at AND i.id=?2),"
                "  EXISTS(SELECT 1 FROM run AS i INDEXED BY run_by_workflow"
                "   WHERE i.workflow_key=r.workflow_key AND i.started_at=r.started_at AND i.id=?2)"
                " FROM run AS r WHERE r.organization=?1 AND r.id=?2",
            [SELECT_APPLIED] = "SELECT value FROM meta WHERE name='applied'",
        },
    .run = run,
    .is_long = true,
};
