#include "storage/postgres/change_transaction.h"

#include "base/core/clock.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/work_transaction.h"
#include "storage/store_metrics.h"

static enum change_ending ending_of(enum pg_outcome outcome) {
    switch (outcome) {
    case PG_OK:
        return CHANGE_MADE;
    case PG_AGAIN:
        return CHANGE_AGAIN;
    case PG_REFUSED:
        return CHANGE_REFUSED;
    case PG_LOST:
        break;
    }
    return CHANGE_LOST;
}

static void want_all(struct work *work, const struct change_batch *b) {
    work_begin(work);
    for (struct store_op *op = b->first; op != NULL; op = op->next) {
        const struct postgres_op *which = postgres_ops[op->kind->index];
        if (op->kind->organization != 0) {
            work_want_organization(work, store_op_organization(op), false);
        }
        if (which->want != NULL) {
            which->want(work, op);
        }
    }
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    if (store_op_is_late(op, clock_monotonic_us())) {
        op->result = STORE_EXPIRED;
        return PG_OK;
    }
    if (op->kind->organization != 0 &&
        work_find_organization(work, store_op_organization(op))->frozen_at_us != 0) {
        op->result = STORE_READ_ONLY;
        return PG_OK;
    }
    return postgres_ops[op->kind->index]->decide(work, op);
}

static enum change_ending commit(const struct change_transaction *t) {
    struct commit_end end;
    work_queue_flush(t->work);
    commit_end_queue(t->connection, work_arena(t->work), t->mark, t->standby_names, &end);
    int64_t begin_us = clock_monotonic_us();
    int64_t wait_us = t->is_alone ? CHANGE_ALONE_COMMIT_WAIT_US : CHANGE_COMMIT_WAIT_US;
    pg_connection_set_deadline(t->connection, begin_us + wait_us);
    enum pg_outcome outcome = pg_sync(t->connection);
    metrics_histogram_observe(t->metrics->commit_time, clock_monotonic_us() - begin_us);
    if (outcome == PG_LOST) {
        return CHANGE_UNKNOWN;
    }
    if (outcome == PG_OK && !commit_end_is_sound(&end)) {
        pg_connection_close(t->connection);
        return CHANGE_UNKNOWN;
    }
    t->mark->number += outcome == PG_OK;
    return ending_of(outcome);
}

enum change_ending change_transaction_run(const struct change_transaction *t,
                                          const struct change_batch *b) {
    int64_t wait_us = t->is_alone ? CHANGE_ALONE_WAIT_US : CHANGE_WAIT_US;
    pg_connection_set_deadline(t->connection, clock_monotonic_us() + wait_us);
    want_all(t->work, b);
    enum pg_outcome outcome = work_load(t->work);
    for (struct store_op *op = b->first; outcome == PG_OK && op != NULL; op = op->next) {
        outcome = decide(t->work, op);
    }
    if (outcome == PG_OK) {
        return commit(t);
    }
    // What an operation itself gave up is open still.
    if (outcome != PG_LOST && pg_connection_is_open(t->connection) &&
        pg_connection_is_in_transaction(t->connection)) {
        pg_run(t->connection, &pg_rollback, NULL, NULL);
    }
    return ending_of(outcome);
}
