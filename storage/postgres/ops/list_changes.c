#include "storage/op/list_changes.h"

#include "storage/postgres/postgres_op.h"

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    (void)c;
    (void)temporary;
    op->result = STORE_UNAVAILABLE;
    return PG_OK;
}

const struct postgres_op postgres_list_changes = {.read = read_op};
