#include "storage/op/acquire_runs.h"

#include <stdlib.h>

#include "base/core/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/run_change.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"
#include "storage/sqlite/workflow_row.h"

enum { READ_RUN, UPDATE_RUN, SELECT_WORKFLOW, OPEN, OPEN_OF_WORKFLOW, OPEN_BY_ID };

// The runs that are taken, before any of them is changed: what is changed leaves the index that
// they are found by.
struct taking {
    struct session *session;
    struct store_acquire_runs *op;
    sqlite3_stmt *read;
    struct run_change *changes;
    int count;
    int capacity;
    size_t bytes;
    bool is_full; // no more is taken
};

// Takes the run of id, which the index says can be acquired, if it is asked for.
static int take(struct taking *t, const struct run_id *id) {
    struct store_acquire_runs *q = t->op;
    struct run_change c = {.id = *id};
    int rc = run_read(t->session, q->op.arena, t->read, q->organization, id, &c.before, &c.row);
    if (rc == SQLITE_DONE || (rc == SQLITE_OK && !run_record_is_open(&c.before))) {
        return SQLITE_CORRUPT;
    }
    if (rc != SQLITE_OK || !store_acquire_runs_takes(q, &c.before)) {
        return rc;
    }
    if (!store_acquire_runs_fits(q, &c.before, t->count, &t->bytes)) {
        t->is_full = true;
        return SQLITE_OK;
    }
    c.id = run_id_of(c.before.id); // id may be gone with its row
    c.after = c.before;
    store_acquire_runs_apply(q, &c.after, t->session->attempt_floor);
    t->changes = rows_grow(q->op.arena, t->changes, t->count, &t->capacity, sizeof(t->changes[0]));
    t->changes[t->count++] = c;
    t->is_full = t->count == q->limit;
    return SQLITE_OK;
}

// Takes of the runs that s returns, in its order.
static int take_listed(struct taking *t, sqlite3_stmt *s) {
    int rc = SQLITE_DONE;
    while (!t->is_full && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct run_id id = run_id_peek(s, 0);
        rc = take(t, &id);
        if (rc != SQLITE_OK) {
            break;
        }
    }
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// A run that can be acquired, of those that are asked for by their ids.
struct candidate {
    int64_t started_at_us;
    struct run_id id;
};

// In the order of the index: texts come before blobs.
static int compare_candidates(const void *pa, const void *pb) {
    const struct candidate *a = pa;
    const struct candidate *b = pb;
    if (a->started_at_us != b->started_at_us) {
        return a->started_at_us < b->started_at_us ? -1 : 1;
    }
    if (a->id.is_uuid != b->id.is_uuid) {
        return a->id.is_uuid ? 1 : -1;
    }
    return slice_compare(run_id_stored(&a->id), run_id_stored(&b->id));
}

// Finds those of q's ids that can be acquired, of workflow_key if it is not 0.
static int find_candidates(const struct store_acquire_runs *q, sqlite3_stmt *s,
                           int64_t workflow_key, struct candidate *candidates, int *ret_count) {
    int rc = SQLITE_DONE;
    *ret_count = 0;
    sqlite_bind_text(s, 1, q->organization);
    sqlite3_bind_int64(s, 3, workflow_key);
    for (int i = 0; rc == SQLITE_DONE && i < q->id_count; i++) {
        struct candidate *c = &candidates[*ret_count];
        c->id = run_id_of(q->ids[i]);
        run_id_bind(s, 2, &c->id);
        rc = sqlite3_step(s);
        if (rc == SQLITE_ROW) {
            c->started_at_us = sqlite3_column_int64(s, 0);
            ++*ret_count;
            rc = SQLITE_DONE;
        }
        sqlite3_reset(s);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int take_by_id(struct taking *t, sqlite3_stmt *s, int64_t workflow_key) {
    struct store_acquire_runs *q = t->op;
    struct candidate *candidates = ARENA_ARRAY(q->op.arena, struct candidate, q->id_count);
    int count = 0;
    int rc = find_candidates(q, s, workflow_key, candidates, &count);
    qsort(candidates, (size_t)count, sizeof(candidates[0]), compare_candidates);
    for (int i = 0; rc == SQLITE_OK && !t->is_full && i < count; i++) {
        // An id may be given twice.
        if (i == 0 || compare_candidates(&candidates[i - 1], &candidates[i]) != 0) {
            rc = take(t, &candidates[i].id);
        }
    }
    return rc;
}

static int take_all(struct taking *t, sqlite3_stmt *const *s, int64_t workflow_key) {
    if (t->op->id_count > 0) {
        return take_by_id(t, s[OPEN_BY_ID], workflow_key);
    }
    if (workflow_key != 0) {
        sqlite3_bind_int64(s[OPEN_OF_WORKFLOW], 1, workflow_key);
        return take_listed(t, s[OPEN_OF_WORKFLOW]);
    }
    sqlite_bind_text(s[OPEN], 1, t->op->organization);
    return take_listed(t, s[OPEN]);
}

static int write_all(struct taking *t, sqlite3_stmt *update) {
    struct store_acquire_runs *q = t->op;
    q->ret_runs = ARENA_ARRAY(q->op.arena, struct run_record, t->count);
    q->ret_count = t->count;
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < t->count; i++) {
        int64_t revision;
        q->ret_runs[i] = t->changes[i].after;
        rc = run_change_write(t->session, update, &t->changes[i], STORE_EVENT_ACQUISITION,
                              &q->cause, &revision);
    }
    return rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_acquire_runs *q = CONTAINER_OF(op, struct store_acquire_runs, op);
    struct taking t = {.session = session, .op = q, .read = s[READ_RUN]};
    CHECK(q->limit >= 1 && q->holder.len > 0);
    q->ret_runs = NULL;
    q->ret_count = 0;
    op->result = STORE_OK;
    int64_t workflow_key = 0;
    if (q->workflow_id.len > 0) {
        int rc =
            workflow_row_find(s[SELECT_WORKFLOW], q->organization, q->workflow_id, &workflow_key);
        if (rc != SQLITE_OK) {
            return rc == SQLITE_DONE ? SQLITE_OK : rc; // no run is of it
        }
    }
    int rc = take_all(&t, s, workflow_key);
    return rc == SQLITE_OK ? write_all(&t, s[UPDATE_RUN]) : rc;
}

// The index is named so that no statistics can change the plan.
#define OPEN_SQL(index, column)                                                                    \
    "SELECT id FROM run_term INDEXED BY " index " WHERE " column "=?1 AND " TERM_ROW_OPEN_SQL      \
    " ORDER BY started_at, id"

const struct sqlite_op sqlite_acquire_runs = {
    .sql =
        {
            [READ_RUN] = RUN_READ_SQL,
            [UPDATE_RUN] = RUN_CHANGE_SQL,
            [SELECT_WORKFLOW] = WORKFLOW_ROW_FIND_SQL,
            [OPEN] = OPEN_SQL("term_open", "organization"),
            [OPEN_OF_WORKFLOW] = OPEN_SQL("term_open_by_workflow", "workflow_key"),
            [OPEN_BY_ID] =
                "SELECT t.started_at FROM run AS r CROSS JOIN run_term AS t"
                " WHERE r.organization=?1 AND r.id=?2 AND r.has_terms<>0 AND t.run_key=r.run_key"
                " AND t." TERM_ROW_OPEN_SQL " AND (?3=0 OR t.workflow_key=?3)",
        },
    .run = run,
};
