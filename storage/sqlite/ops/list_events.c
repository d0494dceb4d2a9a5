#include "storage/op/list_events.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/event_row.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { SELECT_HEAD, SELECT_EVENTS };

// Where a run's chain of events begins.
struct head {
    int64_t sequence;
    int64_t event_key;
};

// Finds the run's newest event. SQLITE_DONE if there is no such run.
static int find_head(struct session *session, sqlite3_stmt *s, const struct store_list_events *e,
                     const struct run_id *id, struct head *ret) {
    struct pending_state state = {.sequence = 0};
    bool is_pending = session_find_pending(session, e->organization, id, &state);
    sqlite_bind_text(s, 1, e->organization);
    run_id_bind(s, 2, id);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *ret = (struct head){sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1)};
        if (is_pending && state.newest_event > ret->event_key) {
            *ret = (struct head){state.sequence, state.newest_event};
        }
        rc = SQLITE_OK;
    }
    sqlite3_reset(s);
    return rc;
}

// Whether the row at s, of SELECT_EVENTS, is the nth newest event of the run, from 0.
static bool event_is_sound(sqlite3_stmt *s, const struct head *head, int nth) {
    return sqlite3_column_int64(s, 1) == head->sequence - nth && sqlite3_column_int(s, 0) == 1;
}

static void reverse(struct run_event *events, int count) {
    for (int i = 0; i < count / 2; i++) {
        struct run_event swapped = events[i];
        events[i] = events[count - 1 - i];
        events[count - 1 - i] = swapped;
    }
}

// Reads the chain, newest first.
static int read_chain(struct store_list_events *e, sqlite3_stmt *s, const struct head *head) {
    int capacity = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        if (!event_is_sound(s, head, e->ret_count)) {
            return SQLITE_CORRUPT;
        }
        e->ret_events =
            rows_grow(e->op.arena, e->ret_events, e->ret_count, &capacity, sizeof(*e->ret_events));
        e->ret_events[e->ret_count++] = event_row_read(e->op.arena, s, 1);
    }
    if (rc != SQLITE_DONE) {
        return rc;
    }
    // Every run has the event of its creation, to which the chain leads.
    bool is_whole = e->ret_count == e->limit ||
                    (e->ret_count > 0 && e->ret_events[e->ret_count - 1].sequence == 1);
    return is_whole ? SQLITE_OK : SQLITE_CORRUPT;
}

static int run(struct session *session, sqlite3_stmt *const *statements, struct store_op *op) {
    struct store_list_events *e = CONTAINER_OF(op, struct store_list_events, op);
    struct run_id id = run_id_of(e->id);
    struct head head = {.sequence = 0};
    int rc = find_head(session, statements[SELECT_HEAD], e, &id, &head);
    if (rc != SQLITE_OK) {
        op->result = STORE_NOT_FOUND;
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    sqlite3_stmt *s = statements[SELECT_EVENTS];
    sqlite3_bind_int64(s, 1, head.event_key);
    sqlite3_bind_int(s, 2, e->limit);
    sqlite_bind_text(s, 3, e->organization);
    run_id_bind(s, 4, &id);
    e->ret_events = NULL;
    e->ret_count = 0;
    rc = read_chain(e, s, &head);
    sqlite3_reset(s);
    reverse(e->ret_events, e->ret_count);
    op->result = STORE_OK;
    return rc;
}

const struct sqlite_op sqlite_list_events = {
    .sql =
        {
            [SELECT_HEAD] = "SELECT sequence, newest_event FROM run"
                            " WHERE organization=?1 AND id=?2",
            [SELECT_EVENTS] =
                "WITH RECURSIVE chain(event_key, nth) AS ("
                "  SELECT ?1, 1"
                "  UNION ALL"
                "  SELECT e.previous_of_run, nth+1 FROM chain CROSS JOIN event AS e"
                "   WHERE e.event_key=chain.event_key AND e.previous_of_run<>0 AND nth<?2)"
                " SELECT e.organization=?3 AND e.id=?4, " EVENT_ROW_COLUMNS
                " FROM chain CROSS JOIN event AS e WHERE e.event_key=chain.event_key"
                " ORDER BY e.sequence DESC",
        },
    .run = run,
    .reads_pending_first = true,
};
