#include "storage/op/create_token.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"
#include "storage/sqlite/token_row.h"

enum { INSERT, HAS_NAME, FIND, RETIRE };

static int has_name(sqlite3_stmt *s, const struct token_record *token, bool *ret) {
    sqlite_bind_text(s, 1, token->organization);
    sqlite_bind_text(s, 2, token->name);
    int rc = sqlite3_step(s);
    *ret = rc == SQLITE_ROW && sqlite3_column_int(s, 0) != 0;
    sqlite3_reset(s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

// Sets c->ret_other to the token that has the hash, if there is one.
static int find_other(sqlite3_stmt *s, struct store_create_token *c) {
    sqlite_bind_blob(s, 1, slice_of(c->in.hash, TOKEN_HASH_BYTES));
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        rc = token_row_read(c->op.arena, s, &c->ret_other) ? SQLITE_OK : SQLITE_CORRUPT;
    }
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Makes the client name of c free. *ret_is_taken: it is another token's, or the token's own name
// is.
static int free_client(sqlite3_stmt *const *s, struct store_create_token *c, bool *ret_is_taken) {
    int rc = has_name(s[HAS_NAME], &c->in, ret_is_taken);
    if (rc == SQLITE_OK && !*ret_is_taken) {
        rc = find_other(s[FIND], c);
    }
    if (rc != SQLITE_OK || *ret_is_taken || c->ret_other.name.len == 0) {
        return rc;
    }
    struct token_record *other = &c->ret_other;
    *ret_is_taken = !store_create_token_retire(c, other);
    if (*ret_is_taken) {
        return SQLITE_OK;
    }
    sqlite_bind_text(s[RETIRE], 1, other->organization);
    sqlite_bind_text(s[RETIRE], 2, other->name);
    sqlite_bind_blob(s[RETIRE], 3, slice_of(other->hash, TOKEN_HASH_BYTES));
    sqlite_bind_blob(s[RETIRE], 4, slice_of(other->previous.hash, TOKEN_HASH_BYTES));
    return sqlite_step_once(s[RETIRE]);
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_create_token *c = CONTAINER_OF(op, struct store_create_token, op);
    bool is_taken = false;
    c->ret_other.name = SLICE_EMPTY;
    int rc = c->in.client_san.len > 0 ? free_client(s, c, &is_taken) : SQLITE_OK;
    if (rc == SQLITE_OK && !is_taken) {
        token_row_bind_created(s[INSERT], &c->in);
        rc = sqlite_step_once(s[INSERT]);
        is_taken = rc == SQLITE_CONSTRAINT_UNIQUE ||
                   (rc == SQLITE_OK && sqlite3_changes(session->db) == 0);
    }
    op->result = is_taken ? STORE_EXISTS : STORE_OK;
    return is_taken ? SQLITE_OK : rc;
}

const struct sqlite_op sqlite_create_token = {
    .sql =
        {
            [INSERT] = "INSERT INTO token(" TOKEN_ROW_CREATED ") SELECT " TOKEN_ROW_CREATED_MARKS
                       " WHERE NOT " TOKEN_ROW_HAS_HASH_SQL("?3"),
            [HAS_NAME] = "SELECT EXISTS(SELECT 1 FROM token WHERE organization=?1 AND name=?2)",
            [FIND] = "SELECT " TOKEN_ROW_COLUMNS " FROM token WHERE hash=?1 UNION ALL"
                     " SELECT " TOKEN_ROW_COLUMNS " FROM token WHERE previous_hash=?1",
            [RETIRE] = "UPDATE token SET hash=?3,"
                       " previous_hash=CASE WHEN previous_hash IS NOT NULL THEN ?4 END"
                       " WHERE organization=?1 AND name=?2",
        },
    .run = run,
};
