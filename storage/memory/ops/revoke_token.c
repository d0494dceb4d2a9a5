#include "storage/op/revoke_token.h"

#include "storage/memory/memory_op.h"

static int64_t later(int64_t a_us, int64_t b_us) {
    return a_us > b_us ? a_us : b_us;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_revoke_token *r = CONTAINER_OF(op, struct store_revoke_token, op);
    for (size_t i = 0; i < tables->token_count; i++) {
        struct token_record *t = tables->tokens[i];
        if (memory_tables_compare(t->organization, t->name, r->organization, r->name) == 0) {
            if (t->revoked_at_us == 0) {
                t->revoked_at_us = later(later(r->at_us, t->created_at_us), 1);
            }
            r->ret = memory_tables_copy_token(op->arena, t);
            return STORE_OK;
        }
    }
    return STORE_NOT_FOUND;
}

const struct memory_op memory_revoke_token = {.run = run};
