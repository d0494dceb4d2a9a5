#include "storage/op/rotate_token.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_rotate_token *r = CONTAINER_OF(op, struct store_rotate_token, op);
    struct token_record *t = memory_tables_find_token(tables, r->organization, r->name);
    if (t == NULL) {
        return STORE_NOT_FOUND;
    }
    if (memory_tables_find_hash(tables, r->hash) != NULL) {
        return STORE_EXISTS;
    }
    bool is_rotated = store_rotate_token_apply(r, t);
    r->ret = memory_tables_copy_token(op->arena, t);
    return is_rotated ? STORE_OK : STORE_CONFLICT;
}

const struct memory_op memory_rotate_token = {.run = run};
