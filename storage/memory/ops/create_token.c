#include "storage/op/create_token.h"

#include "base/core/memory.h"
#include "storage/memory/memory_op.h"

// Whether the hash of c's token is no other one's.
static bool take_hash(const struct memory_tables *tables, struct store_create_token *c) {
    struct token_record *other = memory_tables_find_hash(tables, c->in.hash);
    if (other == NULL) {
        return true;
    }
    bool is_free = store_create_token_retire(c, other);
    if (c->in.client_san.len > 0) {
        c->ret_other = memory_tables_copy_token(c->op.arena, other);
    }
    return is_free;
}

static enum store_result run(struct memory_tables *tables, struct store_op *op) {
    struct store_create_token *c = CONTAINER_OF(op, struct store_create_token, op);
    c->ret_other.name = SLICE_EMPTY;
    size_t place = 0;
    for (size_t i = 0; i < tables->token_count; i++) {
        const struct token_record *t = tables->tokens[i];
        int order = memory_tables_compare(t->organization, t->name, c->in.organization, c->in.name);
        if (order == 0) {
            return STORE_EXISTS;
        }
        place += order < 0;
    }
    if (!take_hash(tables, c)) {
        return STORE_EXISTS;
    }
    struct token_record *t = mem_alloc(sizeof(*t));
    *t = c->in;
    t->organization = memory_slice_own(c->in.organization);
    t->name = memory_slice_own(c->in.name);
    t->client_san = memory_slice_own(c->in.client_san);
    tables->tokens = mem_realloc(tables->tokens, (tables->token_count + 1) * sizeof(t));
    memmove(tables->tokens + place + 1, tables->tokens + place,
            (tables->token_count - place) * sizeof(t));
    tables->tokens[place] = t;
    tables->token_count++;
    return STORE_OK;
}

const struct memory_op memory_create_token = {.run = run};
