#include "storage/op/end_lease.h"

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
// since then. 0: no longer.
static enum pg_outcome look_at_age(struct work *work, const struct work_run *run,
                                   int64_t *ret_left_us) {
    const PGresult *result;
    enum pg_outcome outcome = pg_run(work_connection(work), &renewals_age, NULL, &result);
    if (outcome == PG_OK) {
        int64_t age_us = pg_is_null(result, 0, 0) ? 0 : pg_int(result, 0, 0);
        int64_t left_us = run->record.lease_us - (age_us > 0 ? age_us : 0);
        *ret_left_us = left_us > 0 ? left_us : 0;
    }
    return outcome;
}

// How long the lease of run, which is to be ended, was promised to last.
static enum pg_outcome look_at_renewals(struct work *work, const struct store_end_lease *e,
                                        const struct work_run *run, int64_t *ret_left_us) {
    *ret_left_us = 0;
    if (e->kind != STORE_EVENT_LEASE_LOSS) {
        return PG_OK; // its holder gives it back
    }
    *ret_left_us = run->renewed_left_us;
    return *ret_left_us > 0 ? PG_OK : look_at_age(work, run, ret_left_us);
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_end_lease *e = CONTAINER_OF(op, struct store_end_lease, op);
    struct work_run *run = work_find_run(work, e->organization, e->id);
    if (run == NULL) {
        op->result = STORE_NOT_FOUND;
        return PG_OK;
    }
    struct run_record after = run->record;
    bool is_ended = store_end_lease_apply(e, &after);
    e->ret_left_us = 0;
    enum pg_outcome outcome = is_ended ? look_at_renewals(work, e, run, &e->ret_left_us) : PG_OK;
    if (outcome != PG_OK) {
        return outcome;
    }
    e->ret_is_stale = run->record.attempt != e->attempt;
    e->ret_revision = 0;
    op->result = STORE_CONFLICT;
    if (is_ended && e->ret_left_us == 0) {
        op->result = STORE_OK;
        e->ret_revision = work_change_run(work, run, &after, e->kind, &e->cause, 0);
    }
    e->ret = run_record_copy(op->arena, &run->record);
    return PG_OK;
}

const struct postgres_op postgres_end_lease = {.want = want, .decide = decide};
