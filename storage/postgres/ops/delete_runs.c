#include "storage/op/delete_runs.h"

#include "storage/postgres/postgres_op.h"

static enum pg_outcome decide(struct work *work, struct store_op *op) {
    (void)work;
    op->result = STORE_UNAVAILABLE;
    return PG_OK;
}

const struct postgres_op postgres_delete_runs = {.decide = decide, .is_alone = true};
