#include "storage/op/list_tokens.h"

#include "storage/postgres/pg_row.h"
#include "storage/postgres/postgres_op.h"
#include "storage/postgres/token_row.h"

#define LIST_SQL(where)                                                                            \
    "SELECT " PG_TOKEN_COLUMNS " FROM token" where " ORDER BY organization, name"

static const struct pg_statement of_all = {"list_tokens", LIST_SQL("")};
static const struct pg_statement of_one = {"list_tokens_of_organization",
                                           LIST_SQL(" WHERE organization=$1::bytea")};

static enum pg_outcome read_op(struct pg_connection *c, struct arena *temporary,
                               struct store_op *op) {
    struct store_list_tokens *l = CONTAINER_OF(op, struct store_list_tokens, op);
    bool is_of_one = l->organization.len > 0;
    struct pg_params params;
    const PGresult *result;
    pg_params_init(&params, temporary);
    if (is_of_one) {
        pg_add_bytes(&params, l->organization);
    }
    enum pg_outcome outcome = pg_run(c, is_of_one ? &of_one : &of_all, &params, &result);
    if (outcome != PG_OK) {
        return outcome;
    }
    op->result = STORE_OK;
    l->ret_count = pg_row_count(result);
    l->ret_tokens = ARENA_ARRAY(op->arena, struct token_record, l->ret_count);
    for (int i = 0; i < l->ret_count; i++) {
        l->ret_tokens[i] = pg_token_row_read(op->arena, result, i);
    }
    return PG_OK;
}

const struct postgres_op postgres_list_tokens = {.read = read_op};
