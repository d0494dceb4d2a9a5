#include "storage/op/list_tokens.h"

#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_list_tokens *l = CONTAINER_OF(op, struct store_list_tokens, op);
    l->ret_tokens = ARENA_ARRAY(op->arena, struct token_record, tables->token_count);
    l->ret_count = 0;
    for (size_t i = 0; i < tables->token_count; i++) {
        const struct token_record *t = tables->tokens[i];
        if (l->organization.len == 0 || slice_equal(t->organization, l->organization)) {
            l->ret_tokens[l->ret_count++] = memory_tables_copy_token(op->arena, t);
        }
    }
    return STORE_OK;
}

const struct memory_op memory_list_tokens = {.run = run};
