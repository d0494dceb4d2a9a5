#include "storage/op/count_runs.h"

#include "base/core/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"
#include "storage/sqlite/workflow_row.h"

enum { SELECT_WORKFLOW, LIST_WORKFLOWS };

// The workflows that are counted: peeks[i] is that of ids[i].
struct listed {
    struct run_count_peek *peeks;
    struct slice *ids;
    int count;
};

static void add(struct arena *a, struct listed *l, int *capacity, int64_t key, struct slice id) {
    int before = *capacity;
    l->ids = rows_grow(a, l->ids, l->count, capacity, sizeof(l->ids[0]));
    l->peeks = rows_grow(a, l->peeks, l->count, &before, sizeof(l->peeks[0]));
    l->ids[l->count] = id;
    l->peeks[l->count++] = (struct run_count_peek){.workflow_key = key};
}

// Reads up to limit workflows, and looks whether there is one behind them.
static int list_workflows(struct store_count_runs *c, sqlite3_stmt *s, struct listed *l) {
    int capacity = 0;
    int rc;
    sqlite_bind_text(s, 1, c->organization);
    sqlite_bind_text(s, 2, c->has_cursor ? c->cursor : SLICE_EMPTY);
    sqlite3_bind_int(s, 3, c->has_cursor);
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        if (l->count == c->limit) {
            c->ret_has_more = true;
            c->ret_cursor = l->ids[l->count - 1];
            rc = SQLITE_DONE;
            break;
        }
        add(c->op.arena, l, &capacity, sqlite3_column_int64(s, 0),
            sqlite_column_slice(c->op.arena, s, 1));
    }
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static bool has_runs(const int64_t *runs) {
    for (int status = 1; status < RUN_STATUS_COUNT; status++) {
        if (runs[status] != 0) {
            return true;
        }
    }
    return false;
}

// Returns those that have runs.
static void take_counts(struct store_count_runs *c, const struct listed *l) {
    c->ret_workflows = ARENA_ARRAY(c->op.arena, struct store_workflow_count, l->count);
    for (int i = 0; i < l->count; i++) {
        if (has_runs(l->peeks[i].runs)) {
            struct store_workflow_count *w = &c->ret_workflows[c->ret_count++];
            w->workflow_id = l->ids[i];
            memcpy(w->runs, l->peeks[i].runs, sizeof(w->runs));
        }
    }
}

static int count_one(struct session *session, struct store_count_runs *c, sqlite3_stmt *s) {
    struct run_count_peek peek = {.workflow_key = 0};
    struct listed l = {.peeks = &peek, .ids = &c->workflow_id, .count = 1};
    int rc = workflow_row_find(s, c->organization, c->workflow_id, &peek.workflow_key);
    if (rc != SQLITE_OK) {
        return rc == SQLITE_DONE ? SQLITE_OK : rc; // no run is of it
    }
    rc = session_read_counts(session, &peek, 1);
    if (rc == SQLITE_OK) {
        memcpy(c->ret_runs, peek.runs, sizeof(c->ret_runs));
    }
    if (rc == SQLITE_OK && c->by_workflow) {
        take_counts(c, &l);
    }
    return rc;
}

static int count_all(struct session *session, struct store_count_runs *c, sqlite3_stmt *s) {
    struct listed l = {.count = 0};
    struct organization_head head;
    int rc = c->by_workflow ? list_workflows(c, s, &l) : SQLITE_OK;
    if (rc == SQLITE_OK && l.count > 0) {
        rc = session_read_counts(session, l.peeks, l.count);
    }
    if (rc == SQLITE_OK) {
        take_counts(c, &l);
        rc = session_read_head(session, c->organization, &head);
    }
    if (rc == SQLITE_OK) {
        memcpy(c->ret_runs, head.runs, sizeof(c->ret_runs));
    }
    return rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_count_runs *c = CONTAINER_OF(op, struct store_count_runs, op);
    CHECK(c->limit >= 1 || !c->by_workflow);
    memset(c->ret_runs, 0, sizeof(c->ret_runs));
    c->ret_workflows = NULL;
    c->ret_count = 0;
    c->ret_has_more = false;
    op->result = STORE_OK;
    return c->workflow_id.len > 0 ? count_one(session, c, s[SELECT_WORKFLOW])
                                  : count_all(session, c, s[LIST_WORKFLOWS]);
}

const struct sqlite_op sqlite_count_runs = {
    .sql =
        {
            [SELECT_WORKFLOW] = WORKFLOW_ROW_FIND_SQL,
            // ?2 the id that they are behind if ?3.
            [LIST_WORKFLOWS] = "SELECT workflow_key, id FROM workflow INDEXED BY workflow_by_id"
                               " WHERE organization=?1 AND id>=?2 AND (?3=0 OR id<>?2)"
                               " ORDER BY id",
        },
    .run = run,
};
