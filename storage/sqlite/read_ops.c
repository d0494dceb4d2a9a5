#include "storage/sqlite/read_ops.h"

#include "base/core/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/token_ops.h"

enum statement {
    BEGIN,
    COMMIT,
    SELECT_RUN,
    SELECT_BODY,
    LIST_BY_START,
    LIST_BY_WORKFLOW,
    LIST_ACTIVE,
    SELECT_EVENTS,
    LIST_TOKENS,
    STATEMENT_COUNT,
};

// ?1 organization; ?2, ?3 the place to start behind; ?4 the exclusive lower
// bound of started_at; ?5 a workflow. The index is named so that no statistics
// can change the plan.
#define LIST_SQL(index, where)                                                                     \
    "SELECT " RUN_ROW_COLUMNS " FROM run INDEXED BY " index                                        \
    " WHERE organization=?1 AND (started_at, id)<(?2, ?3) AND started_at>?4" where                 \
    " ORDER BY started_at DESC, id DESC"

static const char *const sql[READ_STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN",
    [COMMIT] = "COMMIT",
    [SELECT_RUN] = RUN_ROW_SELECT_SQL,
    [SELECT_BODY] = RUN_BODY_SELECT_SQL,
    [LIST_BY_START] = LIST_SQL("run_by_start", ""),
    [LIST_BY_WORKFLOW] = LIST_SQL("run_by_workflow", " AND workflow_id=?5"),
    [LIST_ACTIVE] = LIST_SQL("run_active", " AND status IN (1, 2)"),
    [SELECT_EVENTS] = "WITH RECURSIVE chain(run_key, newest, event_key, nth) AS ("
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
    [LIST_TOKENS] = TOKEN_LIST_SQL,
};

_Static_assert((int)STATEMENT_COUNT == (int)READ_STATEMENT_COUNT, "the header counts them");

int read_ops_init(struct read_ops *r, sqlite3 *db) {
    r->db = db;
    return sqlite_prepare_all(db, sql, READ_STATEMENT_COUNT, r->statements);
}

void read_ops_release(struct read_ops *r) {
    sqlite_finalize_all(r->statements, READ_STATEMENT_COUNT);
}

static int run_statement(sqlite3_stmt *s) {
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int read_ops_begin(struct read_ops *r) {
    return run_statement(r->statements[BEGIN]);
}

int read_ops_end(struct read_ops *r) {
    return run_statement(r->statements[COMMIT]);
}

static int get_run(struct read_ops *r, struct store_op *op) {
    struct store_get *g = &op->get;
    int rc = run_read(op->arena, r->statements[SELECT_RUN], r->statements[SELECT_BODY],
                      g->organization, g->id, &g->ret);
    op->result = rc == SQLITE_DONE ? STORE_NOT_FOUND : STORE_OK;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Picks the index that has the fewest rows to look at.
static enum statement list_statement(const struct store_list *l) {
    const uint32_t active = RUN_STATUS_BIT(RUN_RUNNING) | RUN_STATUS_BIT(RUN_WAITING);
    if ((l->status & ~active) == 0) {
        return LIST_ACTIVE;
    }
    return l->workflow_id.len > 0 ? LIST_BY_WORKFLOW : LIST_BY_START;
}

// The place that both bounds from above, the cursor and started_before_us,
// put the listing behind.
static struct store_cursor list_upper_bound(const struct store_list *l) {
    if (l->has_cursor && l->cursor.started_at_us < l->started_before_us) {
        return l->cursor;
    }
    return (struct store_cursor){l->started_before_us, SLICE_EMPTY};
}

// Whether the row at s, of RUN_ROW_COLUMNS, is one that l asks for.
static bool list_wants(const struct store_list *l, sqlite3_stmt *s) {
    int status = sqlite3_column_int(s, 3);
    if (!run_row_status_is_sound(status)) {
        return true; // which is how it is found out
    }
    if ((RUN_STATUS_BIT(status) & l->status) == 0) {
        return false;
    }
    const void *workflow = sqlite3_column_blob(s, 9);
    return l->workflow_id.len == 0 ||
           slice_equal(l->workflow_id, slice_of(workflow, (size_t)sqlite3_column_bytes(s, 9)));
}

// Returns items with room for one more than count.
static void *grow(struct arena *a, void *items, int count, int *capacity, size_t item_bytes) {
    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    void *grown = arena_alloc(a, (size_t)*capacity * item_bytes);
    if (count > 0) {
        memcpy(grown, items, (size_t)count * item_bytes);
    }
    return grown;
}

static void set_more(struct store_list *l, const struct run_record *last) {
    l->ret_has_more = true;
    l->ret_cursor = (struct store_cursor){last->started_at_us, last->id};
}

// Collects into l what s returns: up to limit runs or the byte limit, and whether
// there is more, which one more wanted row or a limit tells.
static int collect_runs(struct read_ops *r, struct arena *a, struct store_list *l,
                        sqlite3_stmt *s) {
    int capacity = 0;
    size_t bytes = 0;
    l->ret_runs = NULL;
    l->ret_count = 0;
    l->ret_has_more = false;
    int rc;
    for (int scanned = 1; (rc = sqlite3_step(s)) == SQLITE_ROW; scanned++) {
        bool wanted = list_wants(l, s);
        if (l->ret_count == l->limit) {
            if (wanted || scanned > LIST_SCAN_LIMIT) {
                set_more(l, &l->ret_runs[l->ret_count - 1]);
                return SQLITE_OK;
            }
            continue;
        }
        if (!wanted && scanned < LIST_SCAN_LIMIT) {
            continue;
        }
        struct run_record run = {.sequence = 0};
        int64_t run_key = run_row_read(a, s, &run);
        if (wanted) {
            rc = run_row_status_is_sound((int)run.status)
                     ? run_body_read(a, r->statements[SELECT_BODY], run_key, &run)
                     : SQLITE_CORRUPT;
            if (rc != SQLITE_OK) {
                return rc;
            }
            l->ret_runs = grow(a, l->ret_runs, l->ret_count, &capacity, sizeof(run));
            l->ret_runs[l->ret_count++] = run;
            bytes += run.spec.len + run.execution_state.len;
        }
        bool is_enough = scanned >= LIST_SCAN_LIMIT || bytes >= LIST_BYTE_LIMIT;
        if (is_enough && l->ret_count < l->limit) {
            set_more(l, &run);
            return SQLITE_OK;
        }
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int list_runs(struct read_ops *r, struct store_op *op) {
    struct store_list *l = &op->list;
    sqlite3_stmt *s = r->statements[list_statement(l)];
    struct store_cursor upper = list_upper_bound(l);
    sqlite_bind_text(s, 1, l->organization);
    sqlite3_bind_int64(s, 2, upper.started_at_us);
    sqlite_bind_text(s, 3, upper.id);
    sqlite3_bind_int64(s, 4, l->started_after_us);
    if (s == r->statements[LIST_BY_WORKFLOW]) {
        sqlite_bind_text(s, 5, l->workflow_id);
    }
    int rc = collect_runs(r, op->arena, l, s);
    sqlite3_reset(s);
    op->result = STORE_OK;
    return rc;
}

// Whether the row at s, of SELECT_EVENTS, is the nth newest event of the run, from 0.
static bool event_is_sound(sqlite3_stmt *s, int nth) {
    return sqlite3_column_int64(s, 0) == sqlite3_column_int64(s, 6) - nth &&
           sqlite3_column_int(s, 7) == 1;
}

// The code of a run of which no event was found: every run has that of its creation.
static int without_events(struct read_ops *r, const struct store_events *e) {
    sqlite3_stmt *s = r->statements[SELECT_RUN];
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

static int list_events(struct read_ops *r, struct store_op *op) {
    struct store_events *e = &op->events;
    sqlite3_stmt *s = r->statements[SELECT_EVENTS];
    sqlite_bind_text(s, 1, e->organization);
    sqlite_bind_text(s, 2, e->id);
    sqlite3_bind_int(s, 3, e->limit);
    struct run_event *newest_first = NULL;
    int capacity = 0;
    int count = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        if (!event_is_sound(s, count)) {
            rc = SQLITE_CORRUPT;
            break;
        }
        newest_first = grow(op->arena, newest_first, count, &capacity, sizeof(*newest_first));
        newest_first[count++] = (struct run_event){
            .sequence = sqlite3_column_int64(s, 0),
            .from = sqlite3_column_int(s, 1),
            .to = (enum run_status)sqlite3_column_int(s, 2),
            .at_us = sqlite3_column_int64(s, 3),
            .actor = sqlite_column_slice(op->arena, s, 4),
            .reason = sqlite_column_slice(op->arena, s, 5),
        };
    }
    sqlite3_reset(s);
    if (rc != SQLITE_DONE) {
        return rc;
    }
    if (count == 0) {
        op->result = STORE_NOT_FOUND;
        return without_events(r, e);
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

static int list_tokens(struct read_ops *r, struct store_op *op) {
    struct store_token_list *l = &op->token_list;
    sqlite3_stmt *s = r->statements[LIST_TOKENS];
    sqlite_bind_text(s, 1, l->organization);
    struct token_record *tokens = NULL;
    int capacity = 0;
    int count = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        tokens = grow(op->arena, tokens, count, &capacity, sizeof(*tokens));
        if (!token_read(op->arena, s, &tokens[count++])) {
            rc = SQLITE_CORRUPT;
            break;
        }
    }
    sqlite3_reset(s);
    if (rc != SQLITE_DONE) {
        return rc;
    }
    l->ret_tokens = tokens;
    l->ret_count = count;
    op->result = STORE_OK;
    return SQLITE_OK;
}

int read_ops_run(struct read_ops *r, struct store_op *op) {
    switch (op->kind) {
    case STORE_GET:
        return get_run(r, op);
    case STORE_LIST:
        return list_runs(r, op);
    case STORE_EVENTS:
        return list_events(r, op);
    case STORE_TOKEN_LIST:
        return list_tokens(r, op);
    default:
        CHECK_FAIL("no operation of this side");
    }
}
