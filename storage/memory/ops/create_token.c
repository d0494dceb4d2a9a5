#include "storage/op/create_token.h"

#include "base/core/memory.h"
#include "storage/memory/memory_op.h"

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_create_token *c = CONTAINER_OF(op, struct store_create_token, op);
    size_t place = 0;
    for (size_t i = 0; i < tables->token_count; i++) {
        const struct token_record *t = tables->tokens[i];
        int order = memory_tables_compare(t->organization, t->name, c->in.organization, c->in.name);
        if (order == 0) {
            return STORE_EXISTS;
        }
        place += order < 0;
    }
    if (memory_tables_has_hash(tables, c->in.hash)) {
        return STORE_EXISTS;
    }
    struct token_record *t = mem_alloc(sizeof(*t));
    *t = c->in;
    t->organization = memory_slice_own(c->in.organization);
    t->name = memory_slice_own(c->in.name);
    tables->tokens = mem_realloc(tables->tokens, (tables->token_count + 1) * sizeof(t));
    memmove(tables->tokens + place + 1, tables->tokens + place,
            (tables->token_count - place) * sizeof(t));
    tables->tokens[place] = t;
    tables->token_count++;
    return STORE_OK;
}

const struct memory_op memory_create_token = {.run = run};
