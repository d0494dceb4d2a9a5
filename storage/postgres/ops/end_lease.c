#include "storage/op/end_lease.h"

#include "base/core/clock.h"
#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

static void want(struct work *work, struct store_op *op) {
    struct store_end_lease *e = CONTAINER_OF(op, struct store_end_lease, op);
    work_want_run(work, e->organization, e->id);
}

// Since when the table of renewals has all that were noted: its row of no run says it. The table is
// empty after a failover; whoever finds it so makes the row again. No row is one that another
// transaction is about to make.
static const struct pg_statement renewals_age = {
    "renewals_age",
    "WITH made AS (INSERT INTO lease_renewal(organization, id, attempt, lasts_until)"
    " VALUES (''::bytea, ''::bytea, (extract(epoch FROM clock_timestamp())*1000000)::int8,"
    " 'infinity') ON CONFLICT DO NOTHING RETURNING attempt)"
    " SELECT (extract(epoch FROM clock_timestamp())*1000000)::int8-max(attempt) FROM"
    " (SELECT attempt FROM made UNION ALL SELECT attempt FROM lease_renewal"
    "  WHERE organization=''::bytea AND id=''::bytea) AS since",
};

// How long a lease lasts that may have been renewed before the renewals were lost: its duration
// since then. Below 0: since when it is over.
static enum pg_outcome look_at_age(struct work *work, const struct work_run *run,
                                   int64_t *ret_left_us) {
    const PGresult *result;
    enum pg_outcome outcome = pg_run(work_connection(work), &renewals_age, NULL, &result);
    if (outcome == PG_OK) {
        int64_t age_us = pg_is_null(result, 0, 0) ? 0 : pg_int(result, 0, 0);
        *ret_left_us = run->record.lease_us - (age_us > 0 ? age_us : 0);
    }
    return outcome;
}

// How long the lease of run, which is to be ended, was promised to last, at least. Below 0: since
// when it is over.
static enum pg_outcome look_at_renewals(struct work *work, const struct work_run *run,
                                        int64_t *ret_left_us) {
    *ret_left_us = run->renewed_left_us;
    if (run->renewed_left_us > 0) {
        return PG_OK;
    }
    enum pg_outcome outcome = look_at_age(work, run, ret_left_us);
    if (run->renewed_left_us < 0 && *ret_left_us < run->renewed_left_us) {
        *ret_left_us = run->renewed_left_us;
    }
    return outcome;
}

// When a lease that is over since over_us ended, by the clock that e was asked by: where it was
// renewed behind e's back, and came to its end while e waited, not when e was asked for.
static int64_t end_of(const struct store_end_lease *e, int64_t over_us) {
    int64_t waited_us = clock_monotonic_us() - e->op.queued_us;
    return over_us < waited_us ? e->at_us + waited_us - over_us : e->at_us;
}

// Ends the lease, unless it lasts.
static enum pg_outcome end(struct work *work, struct store_end_lease *e, struct work_run *run) {
    struct store_end_lease ending = *e;
    struct run_record after = run->record;
    if (e->kind == STORE_EVENT_LEASE_LOSS) { // else its holder gives it back
        int64_t left_us = 0;
        enum pg_outcome outcome = look_at_renewals(work, run, &left_us);
        if (outcome != PG_OK || left_us > 0) {
            e->ret_left_us = left_us;
            return outcome;
        }
        ending.at_us = end_of(e, -left_us);
    }
    store_end_lease_apply(&ending, &after);
    e->op.result = STORE_OK;
    e->ret_revision = work_change_run(work, run, &after, e->kind, &e->cause, 0);
    return PG_OK;
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_end_lease *e = CONTAINER_OF(op, struct store_end_lease, op);
    struct work_run *run = work_find_run(work, e->organization, e->id);
    if (run == NULL) {
        op->result = STORE_NOT_FOUND;
        return PG_OK;
    }
    e->ret_is_stale = run->record.attempt != e->attempt;
    e->ret_revision = 0;
    e->ret_left_us = 0;
    op->result = STORE_CONFLICT;
    if (store_end_lease_is_held(e, &run->record)) {
        enum pg_outcome outcome = end(work, e, run);
        if (outcome != PG_OK) {
            return outcome;
        }
    }
    e->ret = run_record_copy(op->arena, &run->record);
    return PG_OK;
}

const struct postgres_op postgres_end_lease = {.want = want, .decide = decide};
