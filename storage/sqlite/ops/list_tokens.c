#include "storage/op/list_tokens.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/sqlite_op.h"
#include "storage/sqlite/token_row.h"

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    (void)session;
    struct store_list_tokens *l = CONTAINER_OF(op, struct store_list_tokens, op);
    sqlite_bind_text(*s, 1, l->organization);
    struct token_record *tokens = NULL;
    int capacity = 0;
    int count = 0;
    int rc;
    while ((rc = sqlite3_step(*s)) == SQLITE_ROW) {
        tokens = rows_grow(op->arena, tokens, count, &capacity, sizeof(*tokens));
        if (!token_row_read(op->arena, *s, &tokens[count++])) {
            rc = SQLITE_CORRUPT;
            break;
        }
    }
    sqlite3_reset(*s);
    if (rc != SQLITE_DONE) {
        return rc;
    }
    l->ret_tokens = tokens;
    l->ret_count = count;
    op->result = STORE_OK;
    return SQLITE_OK;
}

const struct sqlite_op sqlite_list_tokens = {
    .sql =
        {
            "SELECT " TOKEN_ROW_COLUMNS " FROM token WHERE ?1='' OR organization=?1"
            " ORDER BY organization, name",
        },
    .run = run,
};
