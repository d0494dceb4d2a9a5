#include "storage/op/trim_keys.h"

#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"

// Whoever is replacing a key at this moment has it locked: it is left for a later time.
static const struct pg_statement delete_keys = {
    "keys_delete", "DELETE FROM idempotency WHERE name IN (SELECT name FROM idempotency"
                   " WHERE at<$1::int8 ORDER BY at LIMIT $2::int4 FOR UPDATE SKIP LOCKED)"};

// The leases of these have ended long since, or are no longer renewed: a lease whose renewal is not
// known lasts its whole duration anew.
static const struct pg_statement delete_renewals = {
    "renewals_delete",
    "DELETE FROM lease_renewal WHERE (organization, id) IN (SELECT organization, id"
    " FROM lease_renewal WHERE lasts_until<now()-interval '1 hour' LIMIT $1::int4"
    " FOR UPDATE SKIP LOCKED)"};

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_trim_keys *t = CONTAINER_OF(op, struct store_trim_keys, op);
    struct pg_params p;
    const PGresult *deleted;
    pg_params_init(&p, work_arena(work));
    pg_add_int8(&p, t->before_us);
    pg_add_int4(&p, t->limit);
    enum pg_outcome outcome = pg_run(work_connection(work), &delete_keys, &p, &deleted);
    if (outcome != PG_OK) {
        return outcome;
    }
    t->ret_count = (int)pg_touched(deleted);
    t->ret_has_more = t->ret_count == t->limit;
    op->result = STORE_OK;
    if (!t->ret_has_more) {
        pg_params_init(&p, work_arena(work));
        pg_add_int4(&p, t->limit);
        pg_queue(work_connection(work), &delete_renewals, &p, NULL);
    }
    return PG_OK;
}

const struct postgres_op postgres_trim_keys = {.decide = decide, .is_alone = true};
