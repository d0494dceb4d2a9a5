#include "storage/op/set_token_limits.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_set_token_limits *s = CONTAINER_OF(op, struct store_set_token_limits, op);
    struct token_record *t = memory_tables_find_token(tables, s->organization, s->name);
    if (t == NULL) {
        return STORE_NOT_FOUND;
    }
    t->limits = s->limits;
    s->ret = memory_tables_copy_token(op->arena, t);
    return STORE_OK;
}

const struct memory_op memory_set_token_limits = {.run = run};
