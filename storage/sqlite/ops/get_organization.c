#include "storage/op/get_organization.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

static int count_tokens(sqlite3_stmt *s, struct slice organization, int64_t *ret) {
    sqlite_bind_text(s, 1, organization);
    int rc = sqlite3_step(s);
    *ret = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_get_organization *g = CONTAINER_OF(op, struct store_get_organization, op);
    struct organization_head head;
    int64_t tokens = 0;
    int rc = session_read_head(session, g->name, &head);
    if (rc == SQLITE_OK) {
        rc = count_tokens(*s, g->name, &tokens);
    }
    if (rc != SQLITE_OK) {
        return rc;
    }
    op->result = head.revision > 0 || tokens > 0 ? STORE_OK : STORE_NOT_FOUND;
    g->ret = (struct store_organization){
        .revision = head.revision,
        .floor = head.floor,
        .frozen_at_us = head.frozen_at_us,
        .stored_bytes = head.stored_bytes,
        .tokens = tokens,
    };
    memcpy(g->ret.runs, head.runs, sizeof(g->ret.runs));
    return SQLITE_OK;
}

const struct sqlite_op sqlite_get_organization = {
    .sql = {"SELECT count(*) FROM token INDEXED BY token_by_name WHERE organization=?1"},
    .run = run,
};
