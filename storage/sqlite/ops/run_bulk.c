#include "storage/op/run_bulk.h"

#include "base/core/check.h"
#include "storage/sqlite/bulk_step.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { UPDATE_RUN = BULK_STEP_STATEMENTS };

static int cancel(struct bulk_step *step, struct run_change *c) {
    struct store_run_bulk *r = step->context;
    int64_t revision;
    c->after = c->before;
    run_record_become(&c->after, RUN_CANCELLED, r->at_us);
    r->ret_ended[r->ret_ended_count++] = (struct store_bulk_ended){
        .id = c->before.id, .attempt = c->before.attempt, .holder = c->before.holder};
    if (c->row.has_terms) {
        return run_change_write(step->session, step->s[UPDATE_RUN], c, STORE_EVENT_TRANSITION,
                                &step->bulk.cause, &revision);
    }
    int rc =
        run_change_append(step->session, c, STORE_EVENT_TRANSITION, &step->bulk.cause, &revision);
    if (rc == SQLITE_OK) {
        run_change_leave_pending(step->session, c);
    }
    return rc;
}

static int step_on(struct bulk_step *step, int64_t at_us) {
    bool is_over = false;
    int rc = bulk_step_deal(step, BULK_DUE_RUN);
    if (rc == SQLITE_OK) {
        rc = bulk_step_is_over(step, BULK_DUE_RUN, &is_over);
    }
    if (rc == SQLITE_OK && is_over) {
        bulk_record_become(&step->bulk, BULK_DONE, at_us);
    }
    return rc == SQLITE_OK ? bulk_step_write(step) : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_run_bulk *r = CONTAINER_OF(op, struct store_run_bulk, op);
    struct bulk_step step = {.session = session,
                             .arena = op->arena,
                             .s = s,
                             .left = r->most,
                             .cancel = cancel,
                             .context = r};
    CHECK(r->most >= 1);
    r->ret_ended = ARENA_ARRAY(op->arena, struct store_bulk_ended, r->most);
    r->ret_ended_count = 0;
    int rc = bulk_step_begin(&step, r->organization, r->id);
    if (rc != SQLITE_OK) {
        op->result = STORE_NOT_FOUND;
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    if (step.bulk.state == BULK_RUNNING) {
        rc = step_on(&step, r->at_us);
    }
    if (rc == SQLITE_OK) {
        r->ret = step.bulk;
        op->result = STORE_OK;
    }
    return rc;
}

const struct sqlite_op sqlite_run_bulk = {
    .sql = {BULK_STEP_SQL, [UPDATE_RUN] = RUN_CHANGE_SQL},
    .run = run,
};
