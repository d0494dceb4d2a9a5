#include "storage/op/collect_bulk.h"

#include "base/core/check.h"
#include "storage/run_spec.h"
#include "storage/sqlite/bulk_step.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"
#include "storage/sqlite/term_row.h"
#include "storage/sqlite/workflow_row.h"

enum { ACTIVE = BULK_STEP_STATEMENTS, HELD, SELECT_WORKFLOW, SELECT_BODY };

// Whether the spec of the run of run_key says that it was made of the filter's source.
static int has_source(const struct bulk_step *step, int64_t run_key, bool *ret) {
    sqlite3_stmt *s = step->s[SELECT_BODY];
    sqlite3_bind_int64(s, 1, run_key);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *ret =
            slice_equal(run_spec_source(sqlite_column_peek(s, 0)), step->bulk.filter.source_run_id);
    }
    sqlite3_reset(s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

// Makes an item of the run whose row is at s, if the filter lets it through as it is now.
static int take_row(struct bulk_step *step, sqlite3_stmt *s, int64_t workflow_key) {
    const struct run_filter *f = &step->bulk.filter;
    int status = run_row_status(step->session, s);
    if (!run_row_status_is_sound(status)) {
        return SQLITE_CORRUPT;
    }
    int64_t run_key = sqlite3_column_int64(s, 0);
    bool is_meant =
        run_key <= step->row.newest_event &&
        (RUN_STATUS_BIT(status) & run_filter_statuses(f)) != 0 &&
        (workflow_key == 0 || sqlite3_column_int64(s, RUN_ROW_WORKFLOW_KEY) == workflow_key);
    int rc = SQLITE_OK;
    if (is_meant && f->source_run_id.len > 0) {
        rc = has_source(step, run_key, &is_meant);
    }
    struct run_id id = run_id_peek(s, RUN_ROW_ID);
    return rc == SQLITE_OK && is_meant
               ? bulk_step_add_item(step, &id, BULK_OPEN, step->row.newest_event)
               : rc;
}

// Notes in the job's row that the run whose row is at s was looked at.
static void move_cursor(struct bulk_step *step, sqlite3_stmt *s) {
    step->left--;
    step->row.cursor_at_us = sqlite3_column_int64(s, RUN_ROW_STARTED_AT);
    step->row.cursor_id = run_id_of(run_id_column(step->arena, s, RUN_ROW_ID));
}

// Looks at as many runs as there is room for.
static int collect_from(struct bulk_step *step, sqlite3_stmt *s, int64_t workflow_key) {
    struct bulk_row *row = &step->row;
    struct run_id from = row->cursor_id;
    sqlite_bind_text(s, 1, step->bulk.organization);
    sqlite3_bind_int64(s, 2, row->cursor_at_us);
    run_id_bind(s, 3, &from);
    sqlite3_bind_int64(s, 4, bulk_record_newest_start_us(&step->bulk));
    int rc = SQLITE_ROW;
    while (rc == SQLITE_ROW && step->left > 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        int taken = take_row(step, s, workflow_key);
        rc = taken == SQLITE_OK ? SQLITE_ROW : taken;
        move_cursor(step, s);
    }
    sqlite3_reset(s);
    if (rc == SQLITE_DONE) {
        row->is_collected = true;
        row->cursor_id = (struct run_id){.is_uuid = false};
    }
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int collect(struct bulk_step *step) {
    const struct run_filter *f = &step->bulk.filter;
    sqlite3_stmt *s = step->s[f->holder.len > 0 ? HELD : ACTIVE];
    int64_t workflow_key = 0;
    if (f->workflow_id.len > 0) {
        int rc = workflow_row_find(step->s[SELECT_WORKFLOW], step->bulk.organization,
                                   f->workflow_id, &workflow_key);
        if (rc == SQLITE_DONE) {
            step->row.is_collected = true; // no run is of it
            step->row.cursor_id = (struct run_id){.is_uuid = false};
        }
        if (rc != SQLITE_OK) {
            return rc == SQLITE_DONE ? SQLITE_OK : rc;
        }
    }
    if (f->holder.len > 0) {
        sqlite_bind_text(s, 5, f->holder);
    }
    return collect_from(step, s, workflow_key);
}

static int step_on(struct bulk_step *step, int64_t at_us) {
    int rc = step->row.is_collected ? SQLITE_OK : collect(step);
    if (rc == SQLITE_OK && step->row.is_collected) {
        rc = bulk_step_deal(step, BULK_DUE_PLAN);
    }
    if (rc == SQLITE_OK && step->row.is_collected) {
        rc = bulk_step_settle(step, at_us);
    }
    return rc == SQLITE_OK ? bulk_step_write(step) : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_collect_bulk *c = CONTAINER_OF(op, struct store_collect_bulk, op);
    struct bulk_step step = {.session = session, .arena = op->arena, .s = s, .left = c->most};
    CHECK(c->most >= 1);
    int rc = bulk_step_begin(&step, c->organization, c->id);
    if (rc != SQLITE_OK) {
        op->result = STORE_NOT_FOUND;
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    if (step.bulk.state == BULK_PLANNING) {
        rc = step_on(&step, c->at_us);
    }
    if (rc == SQLITE_OK) {
        c->ret = step.bulk;
        op->result = STORE_OK;
    }
    return rc;
}

const struct sqlite_op sqlite_collect_bulk = {
    .sql =
        {
            BULK_STEP_SQL,
            // ?1 organization; ?2, ?3 the place to start behind; ?4 the newest start.
            [ACTIVE] = "SELECT " RUN_ROW_COLUMNS " FROM run AS r INDEXED BY run_active"
                       " WHERE r.organization=?1 AND r." RUN_ROW_ACTIVE_SQL
                       " AND (r.started_at, r.id)>(?2, ?3) AND r.started_at<=?4"
                       " ORDER BY r.started_at, r.id",
            // As ACTIVE, of those that ?5 holds.
            [HELD] = "SELECT " RUN_ROW_COLUMNS " FROM run_term AS t INDEXED BY term_held"
                     " CROSS JOIN run AS r WHERE t." TERM_ROW_HELD_SQL
                     " AND t.organization=?1 AND t.holder=?5 AND (t.started_at, t.id)>(?2, ?3)"
                     " AND t.started_at<=?4 AND r.organization=t.organization AND r.id=t.id"
                     " ORDER BY t.started_at, t.id",
            [SELECT_WORKFLOW] = WORKFLOW_ROW_FIND_SQL,
            [SELECT_BODY] = "SELECT spec FROM run_body WHERE run_key=?1",
        },
    .run = run,
};
