#include "storage/op/note_renewals.h"

#include "storage/postgres/postgres_op.h"

// What ends a lease is wholly before the note, which its organization's lock waits for, or sees it.
static void want(struct work *work, struct store_op *op) {
    const struct store_note_renewals *q = CONTAINER_OF(op, struct store_note_renewals, op);
    for (int i = 0; i < q->count; i++) {
        work_want_organization(work, q->renewals[i].organization, false);
    }
}

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    struct store_note_renewals *q = CONTAINER_OF(op, struct store_note_renewals, op);
    for (int i = 0; i < q->count; i++) {
        work_note_renewal(work, &q->renewals[i]);
    }
    op->result = STORE_OK;
    return PG_OK;
}

const struct postgres_op postgres_note_renewals = {.want = want, .decide = decide};
