#include "storage/op/note_renewals.h"

#include "storage/postgres/postgres_op.h"

// In one order, so that two servers do not wait for each other in a circle; of several renewals of
// a run the one of its newest attempt counts.
static const struct pg_statement note = {
    "note_renewals",
    "INSERT INTO lease_renewal AS n(organization, id, attempt, lasts_until)"
    " SELECT DISTINCT ON (organization, id) organization, id, attempt,"
    " clock_timestamp()+left_us*interval '1 microsecond'"
    " FROM unnest($1::bytea[], $2::bytea[], $3::int8[], $4::int8[])"
    " AS w(organization, id, attempt, left_us)"
    " ORDER BY organization, id, attempt DESC, left_us DESC"
    " ON CONFLICT (organization, id) DO UPDATE SET attempt=excluded.attempt,"
    " lasts_until=excluded.lasts_until WHERE n.attempt<=excluded.attempt",
};

// What ends a lease is wholly before the note, which its organization's lock waits for, or sees it.
static void want(struct work *work, struct store_op *op) {
    const struct store_note_renewals *q = CONTAINER_OF(op, struct store_note_renewals, op);
    for (int i = 0; i < q->count; i++) {
        work_want_organization(work, q->renewals[i].organization, false);
    }
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_note_renewals *q = CONTAINER_OF(op, struct store_note_renewals, op);
    struct arena *a = work_arena(work);
    struct pg_array organizations;
    struct pg_array ids;
    struct pg_array attempts;
    struct pg_array lefts;
    pg_array_init(&organizations, a, PG_BYTEA);
    pg_array_init(&ids, a, PG_BYTEA);
    pg_array_init(&attempts, a, PG_INT8);
    pg_array_init(&lefts, a, PG_INT8);
    for (int i = 0; i < q->count; i++) {
        pg_array_bytes(&organizations, q->renewals[i].organization);
        pg_array_bytes(&ids, q->renewals[i].id);
        pg_array_int8(&attempts, q->renewals[i].attempt);
        pg_array_int8(&lefts, q->renewals[i].left_us);
    }
    struct pg_params p;
    pg_params_init(&p, a);
    pg_add_array(&p, &organizations);
    pg_add_array(&p, &ids);
    pg_add_array(&p, &attempts);
    pg_add_array(&p, &lefts);
    op->result = STORE_OK;
    return pg_run(work_connection(work), &note, &p, NULL);
}

const struct postgres_op postgres_note_renewals = {.want = want, .decide = decide};
