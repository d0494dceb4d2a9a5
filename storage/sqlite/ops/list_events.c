#include "storage/op/list_events.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/sqlite_op.h"

enum { SELECT_EVENTS, SELECT_RUN };

// Whether the row at s, of SELECT_EVENTS, is the nth newest event of the run, from 0.
static bool event_is_sound(sqlite3_stmt *s, int nth) {
    return sqlite3_column_int64(s, 0) == sqlite3_column_int64(s, 6) - nth &&
           sqlite3_column_int(s, 7) == 1;
}

// The code of a run of which no event was found: every run has that of its creation.
static int without_events(sqlite3_stmt *s, const struct store_list_events *e) {
    sqlite_bind_text(s, 1, e->organization);
    sqlite_bind_text(s, 2, e->id);
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_ROW ? SQLITE_CORRUPT : rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void reverse(struct run_event *events, int count) {
    for (int i = 0; i < count / 2; i++) {
        struct run_event swapped = events[i];
        events[i] = events[count - 1 - i];
        events[count - 1 - i] = swapped;
    }
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)session;
    struct store_list_events *e = CONTAINER_OF(op, struct store_list_events, op);
    sqlite3_stmt *events = s[SELECT_EVENTS];
    sqlite_bind_text(events, 1, e->organization);
    sqlite_bind_text(events, 2, e->id);
    sqlite3_bind_int(events, 3, e->limit);
    struct run_event *newest_first = NULL;
    int capacity = 0;
    int count = 0;
    int rc;
    while ((rc = sqlite3_step(events)) == SQLITE_ROW) {
        if (!event_is_sound(events, count)) {
            rc = SQLITE_CORRUPT;
            break;
        }
        newest_first = rows_grow(op->arena, newest_first, count, &capacity, sizeof(*newest_first));
        newest_first[count++] = (struct run_event){
            .kind =
                sqlite3_column_int(events, 1) == 0 ? STORE_EVENT_CREATION : STORE_EVENT_TRANSITION,
            .sequence = sqlite3_column_int64(events, 0),
            .from = sqlite3_column_int(events, 1),
            .to = (enum run_status)sqlite3_column_int(events, 2),
            .at_us = sqlite3_column_int64(events, 3),
            .cause = {.actor = sqlite_column_slice(op->arena, events, 4),
                      .reason = sqlite_column_slice(op->arena, events, 5)},
        };
    }
    sqlite3_reset(events);
    if (rc != SQLITE_DONE) {
        return rc;
    }
    if (count == 0) {
        op->result = STORE_NOT_FOUND;
        return without_events(s[SELECT_RUN], e);
    }
    if (count < e->limit && newest_first[count - 1].sequence != 1) {
        return SQLITE_CORRUPT; // the chain is broken
    }
    reverse(newest_first, count);
    e->ret_events = newest_first;
    e->ret_count = count;
    op->result = STORE_OK;
    return SQLITE_OK;
}

const struct sqlite_op sqlite_list_events = {
    .sql =
        {
            [SELECT_EVENTS] =
                "WITH RECURSIVE chain(run_key, newest, event_key, nth) AS ("
                "  SELECT run_key, sequence, newest_event, 1 FROM run INDEXED BY run_by_id"
                "   WHERE organization=?1 AND id=?2"
                "  UNION ALL"
                "  SELECT chain.run_key, newest, e.previous_event, nth+1"
                "   FROM chain CROSS JOIN event AS e"
                "   WHERE e.event_key=chain.event_key AND e.previous_event<>0 AND nth<?3)"
                " SELECT e.sequence, e.from_status, e.to_status, e.at, e.actor, e.reason,"
                "  chain.newest, e.run_key=chain.run_key"
                " FROM chain CROSS JOIN event AS e WHERE e.event_key=chain.event_key"
                " ORDER BY e.sequence DESC",
            [SELECT_RUN] = RUN_ROW_SELECT_SQL,
        },
    .run = run,
};
