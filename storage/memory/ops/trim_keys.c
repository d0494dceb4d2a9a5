#include "storage/op/trim_keys.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_trim_keys *t = CONTAINER_OF(op, struct store_trim_keys, op);
    t->ret_count = memory_keys_trim(&tables->keys, t->before_us, t->limit);
    t->ret_has_more = t->ret_count == t->limit;
    return STORE_OK;
}

const struct memory_op memory_trim_keys = {.run = run};
