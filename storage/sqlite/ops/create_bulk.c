#include "storage/op/create_bulk.h"

#include <stdlib.h>

#include "base/core/check.h"
#include "storage/sqlite/bulk_step.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { SELECT_TAKEN = BULK_STEP_STATEMENTS, COUNT_UNFINISHED, INSERT };

static int compare_ids(const void *pa, const void *pb) {
    const struct run_id *a = pa;
    const struct run_id *b = pb;
    if (a->is_uuid != b->is_uuid) {
        return a->is_uuid ? 1 : -1;
    }
    return slice_compare(run_id_stored(a), run_id_stored(b));
}

// Judges the run and makes an item of it.
static int add_run(struct bulk_step *step, const struct run_id *id) {
    sqlite3_stmt *s = step->s[BULK_READ_RUN];
    enum bulk_outcome outcome = BULK_NOT_FOUND;
    sqlite_bind_text(s, 1, step->bulk.organization);
    run_id_bind(s, 2, id);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        int status = run_row_status(step->session, s);
        rc = run_row_status_is_sound(status) ? SQLITE_DONE : SQLITE_CORRUPT;
        outcome = run_status_is_active((enum run_status)status) ? BULK_OPEN : BULK_ALREADY_FINAL;
    }
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? bulk_step_add_item(step, id, outcome, step->row.newest_event) : rc;
}

// Makes the items of a job whose runs were named, in the order of the rows.
static int add_runs(struct bulk_step *step, const struct store_create_bulk *c) {
    struct run_id *ids = ARENA_ARRAY(step->arena, struct run_id, c->id_count);
    for (int i = 0; i < c->id_count; i++) {
        ids[i] = run_id_of(c->ids[i]);
    }
    qsort(ids, (size_t)c->id_count, sizeof(ids[0]), compare_ids);
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < c->id_count; i++) {
        if (i == 0 || compare_ids(&ids[i - 1], &ids[i]) != 0) {
            rc = store_create_bulk_judges(c)
                     ? add_run(step, &ids[i])
                     : bulk_step_add_item(step, &ids[i], BULK_OPEN, step->row.newest_event);
        }
    }
    step->row.is_collected = true;
    if (rc == SQLITE_OK) {
        rc = bulk_step_settle(step, c->in.created_at_us);
    }
    return rc == SQLITE_OK ? bulk_row_update(step->s[BULK_UPDATE], &step->bulk, &step->row) : rc;
}

// Finds why the job cannot be created: op's result, STORE_OK if it can.
static int check(sqlite3_stmt *const *s, struct store_create_bulk *c) {
    sqlite_bind_text(s[SELECT_TAKEN], 1, c->in.organization);
    sqlite_bind_text(s[SELECT_TAKEN], 2, c->in.id);
    int rc = sqlite3_step(s[SELECT_TAKEN]);
    sqlite3_reset(s[SELECT_TAKEN]);
    c->op.result = rc == SQLITE_ROW ? STORE_EXISTS : STORE_OK;
    if (rc != SQLITE_DONE) {
        return rc == SQLITE_ROW ? SQLITE_OK : rc;
    }
    sqlite_bind_text(s[COUNT_UNFINISHED], 1, c->in.organization);
    sqlite3_bind_int(s[COUNT_UNFINISHED], 2, c->most_unfinished);
    rc = sqlite3_step(s[COUNT_UNFINISHED]);
    int unfinished = rc == SQLITE_ROW ? sqlite3_column_int(s[COUNT_UNFINISHED], 0) : 0;
    sqlite3_reset(s[COUNT_UNFINISHED]);
    c->op.result = unfinished >= c->most_unfinished ? STORE_CONFLICT : STORE_OK;
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int create(struct bulk_step *step, struct store_create_bulk *c) {
    int rc = check(step->s, c);
    if (rc != SQLITE_OK || c->op.result != STORE_OK) {
        return rc;
    }
    step->bulk = store_create_bulk_record(c);
    int64_t after_us = step->bulk.filter.started_after_us;
    step->row.cursor_at_us = after_us == 0 ? INT64_MIN : run_instant_after(after_us, 1);
    step->row.newest_event = step->session->events.last;
    rc = bulk_row_insert(step->s[INSERT], &step->bulk, &step->row);
    if (rc == SQLITE_OK && !step->bulk.has_filter) {
        rc = add_runs(step, c);
    }
    store_totals_note(&step->session->totals, TOTAL_JOBS, 1);
    return rc == SQLITE_OK ? key_rows_note_job(&step->session->keys, &c->idempotency,
                                               c->in.organization, c->in.id, c->in.created_at_us)
                           : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_create_bulk *c = CONTAINER_OF(op, struct store_create_bulk, op);
    struct bulk_step step = {.session = session, .arena = op->arena, .s = s};
    struct slice id;
    enum idempotency_match match;
    CHECK(c->id_count <= STORE_MOST_BULK_IDS);
    int rc = key_rows_find(&session->keys, op->arena, &c->idempotency, &match, &id);
    op->result = match == IDEMPOTENCY_OTHER ? STORE_KEY_REUSED : STORE_OK;
    c->ret_is_replayed = match == IDEMPOTENCY_SAME;
    if (rc == SQLITE_OK && match == IDEMPOTENCY_NEW) {
        rc = create(&step, c);
    } else if (rc == SQLITE_OK && match == IDEMPOTENCY_SAME) {
        rc = bulk_step_begin(&step, c->in.organization, id);
        rc = rc == SQLITE_DONE ? SQLITE_CORRUPT : rc; // the key says that it is there
    }
    if (rc == SQLITE_OK && op->result == STORE_OK) {
        c->ret = step.bulk;
    }
    return rc;
}

const struct sqlite_op sqlite_create_bulk = {
    .sql =
        {
            BULK_STEP_SQL,
            [SELECT_TAKEN] = "SELECT 1 FROM bulk WHERE organization=?1 AND id=?2",
            [COUNT_UNFINISHED] =
                "SELECT count(*) FROM (SELECT 1 FROM bulk INDEXED BY bulk_unfinished"
                " WHERE organization=?1 AND " BULK_ROW_UNFINISHED_SQL " LIMIT ?2)",
            [INSERT] = BULK_ROW_INSERT_SQL,
        },
    .run = run,
};
