#include "storage/op/revoke_token.h"

#include "storage/memory/memory_op.h"

static int64_t later(int64_t a_us, int64_t b_us) {
    return a_us > b_us ? a_us : b_us;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_revoke_token *r = CONTAINER_OF(op, struct store_revoke_token, op);
    struct token_record *t = memory_tables_find_token(tables, r->organization, r->name);
    if (t == NULL) {
        return STORE_NOT_FOUND;
    }
    bool is_spared = (t->scopes & r->spared_scopes) != 0;
    if (!is_spared && t->revoked_at_us == 0) {
        t->revoked_at_us = later(later(r->at_us, t->created_at_us), 1);
    }
    r->ret = memory_tables_copy_token(op->arena, t);
    return is_spared ? STORE_CONFLICT : STORE_OK;
}

const struct memory_op memory_revoke_token = {.run = run};
