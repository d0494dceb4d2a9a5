#include "storage/sqlite/write_ops.h"

#include <stdio.h>

#include "base/core/check.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/token_ops.h"

enum statement {
    BEGIN,
    COMMIT,
    INSERT_RUN,
    INSERT_BODY,
    INSERT_EVENT,
    TRANSITION_RUN,
    SELECT_RUN,
    SELECT_BODY,
    UPDATE_TOTAL_CU,
    UPDATE_EXECUTION_STATE,
    INSERT_TOKEN,
    REVOKE_TOKEN,
    STATEMENT_COUNT,
};

static const char *const sql[WRITE_STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [INSERT_RUN] = "INSERT INTO run(organization, id, status, previous_status, started_at,"
                   " updated_at, finished_at, sequence, total_cu, workflow_id, newest_event,"
                   " previous_event) VALUES(?1, ?2, ?3, 0, ?4, ?4, 0, 1, ?5, ?6, ?7, 0)",
    [INSERT_BODY] = "INSERT INTO run_body(run_key, spec, execution_state) VALUES(?1, ?2, ?3)",
    [INSERT_EVENT] = "INSERT INTO event(run_key, sequence, from_status, to_status, at, actor,"
                     " reason, event_key, previous_event)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    // The compare-and-set: ?1 the run, ?2 and ?3 the status and sequence that it must
    // have, ?4 the status to reach, ?5 when it was changed and ?6 when it was finished,
    // ?7 total_cu, ?8 the key of the event.
    [TRANSITION_RUN] = "UPDATE run SET previous_status=status, status=?4, updated_at=?5,"
                       " finished_at=?6, sequence=sequence+1, total_cu=?7,"
                       " previous_event=newest_event, newest_event=?8"
                       " WHERE run_key=?1 AND status=?2 AND sequence=?3",
    [SELECT_RUN] = "SELECT " RUN_ROW_COLUMNS ", newest_event FROM run INDEXED BY run_by_id"
                   " WHERE organization=?1 AND id=?2",
    [SELECT_BODY] = RUN_BODY_SELECT_SQL,
    [UPDATE_TOTAL_CU] = "UPDATE run SET total_cu=?2 WHERE run_key=?1",
    [UPDATE_EXECUTION_STATE] = "UPDATE run_body SET execution_state=?2 WHERE run_key=?1",
    [INSERT_TOKEN] = TOKEN_INSERT_SQL,
    [REVOKE_TOKEN] = TOKEN_REVOKE_SQL,
};

_Static_assert((int)STATEMENT_COUNT == (int)WRITE_STATEMENT_COUNT, "the header counts them");

int write_ops_init(struct write_ops *w, sqlite3 *db) {
    w->db = db;
    int rc = schema_newest_event(db, &w->last_event);
    if (rc != SQLITE_OK) {
        return rc;
    }
    return sqlite_prepare_all(db, sql, WRITE_STATEMENT_COUNT, w->statements);
}

void write_ops_release(struct write_ops *w) {
    sqlite_finalize_all(w->statements, WRITE_STATEMENT_COUNT);
}

bool write_ops_takes(const struct store_op *op) {
    switch (op->kind) {
    case STORE_CREATE:
    case STORE_TRANSITION:
    case STORE_TOKEN_CREATE:
    case STORE_TOKEN_REVOKE:
        return true;
    case STORE_GET:
    case STORE_LIST:
    case STORE_EVENTS:
    case STORE_TOKEN_LIST:
        return false;
    }
    CHECK_FAIL("no such operation");
}

// Runs a statement that returns no row.
static int run_statement(sqlite3_stmt *s) {
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int write_ops_begin(struct write_ops *w) {
    w->committed_event = w->last_event;
    return run_statement(w->statements[BEGIN]);
}

int write_ops_commit(struct write_ops *w) {
    return run_statement(w->statements[COMMIT]);
}

void write_ops_rolled_back(struct write_ops *w) {
    w->last_event = w->committed_event;
}

static bool is_taken(int rc) {
    return rc == SQLITE_CONSTRAINT_UNIQUE;
}

// Where an event stands: its run, and the run's event before it (0: none).
struct event_place {
    int64_t run_key;
    int64_t key;
    int64_t previous;
};

static int insert_event(struct write_ops *w, const struct event_place *place, int from,
                        const struct run_record *run, struct slice actor, struct slice reason) {
    sqlite3_stmt *s = w->statements[INSERT_EVENT];
    sqlite3_bind_int64(s, 1, place->run_key);
    sqlite3_bind_int64(s, 2, run->sequence);
    sqlite3_bind_int(s, 3, from);
    sqlite3_bind_int(s, 4, (int)run->status);
    sqlite3_bind_int64(s, 5, run->updated_at_us);
    sqlite_bind_text(s, 6, actor);
    sqlite_bind_text(s, 7, reason);
    sqlite3_bind_int64(s, 8, place->key);
    sqlite3_bind_int64(s, 9, place->previous);
    return run_statement(s);
}

static int create_run(struct write_ops *w, struct store_op *op) {
    struct store_create *c = &op->create;
    struct run_record run = c->in;
    run.updated_at_us = run.started_at_us;
    run.finished_at_us = 0;
    run.sequence = 1;

    sqlite3_stmt *s = w->statements[INSERT_RUN];
    sqlite_bind_text(s, 1, run.organization);
    sqlite_bind_text(s, 2, run.id);
    sqlite3_bind_int(s, 3, (int)run.status);
    sqlite3_bind_int64(s, 4, run.started_at_us);
    sqlite3_bind_double(s, 5, run.total_cu);
    sqlite_bind_text(s, 6, run.workflow_id);
    struct event_place place = {.key = w->last_event + 1};
    sqlite3_bind_int64(s, 7, place.key);
    int rc = run_statement(s);
    if (is_taken(rc)) {
        op->result = STORE_EXISTS;
        return SQLITE_OK;
    }
    if (rc != SQLITE_OK) {
        return rc;
    }
    w->last_event = place.key;
    place.run_key = sqlite3_last_insert_rowid(w->db);
    s = w->statements[INSERT_BODY];
    sqlite3_bind_int64(s, 1, place.run_key);
    sqlite_bind_blob(s, 2, run.spec);
    sqlite_bind_blob(s, 3, run.execution_state);
    rc = run_statement(s);
    if (rc == SQLITE_OK) {
        rc = insert_event(w, &place, 0, &run, c->actor, c->reason);
    }
    if (rc == SQLITE_OK) {
        c->ret = run;
        op->result = STORE_OK;
    }
    return rc;
}

static int replace_execution_state(struct write_ops *w, int64_t run_key, struct slice state) {
    sqlite3_stmt *s = w->statements[UPDATE_EXECUTION_STATE];
    sqlite3_bind_int64(s, 1, run_key);
    sqlite_bind_blob(s, 2, state);
    return run_statement(s);
}

// The run has the status already.
static int without_event(struct write_ops *w, const struct store_transition *t, int64_t run_key,
                         struct run_record *run) {
    int rc = SQLITE_OK;
    if (t->set_total_cu) {
        sqlite3_stmt *s = w->statements[UPDATE_TOTAL_CU];
        sqlite3_bind_int64(s, 1, run_key);
        sqlite3_bind_double(s, 2, t->total_cu);
        rc = run_statement(s);
        run->total_cu = t->total_cu;
    }
    if (rc == SQLITE_OK && t->set_execution_state) {
        rc = replace_execution_state(w, run_key, t->execution_state);
    }
    return rc;
}

// Makes run what it becomes, in the store and in memory.
static int with_event(struct write_ops *w, const struct store_transition *t,
                      struct event_place *place, struct run_record *run) {
    const struct run_record before = *run;
    run->status = t->to;
    run->updated_at_us = t->at_us > before.updated_at_us ? t->at_us : before.updated_at_us;
    run->finished_at_us = t->final ? run->updated_at_us : before.finished_at_us;
    run->sequence = before.sequence + 1;
    run->total_cu = t->set_total_cu ? t->total_cu : before.total_cu;
    place->key = w->last_event + 1;

    sqlite3_stmt *s = w->statements[TRANSITION_RUN];
    sqlite3_bind_int64(s, 1, place->run_key);
    sqlite3_bind_int(s, 2, (int)before.status);
    sqlite3_bind_int64(s, 3, before.sequence);
    sqlite3_bind_int(s, 4, (int)run->status);
    sqlite3_bind_int64(s, 5, run->updated_at_us);
    sqlite3_bind_int64(s, 6, run->finished_at_us);
    sqlite3_bind_double(s, 7, run->total_cu);
    sqlite3_bind_int64(s, 8, place->key);
    int rc = run_statement(s);
    if (rc == SQLITE_OK && sqlite3_changes(w->db) != 1) {
        // The row was read in this very transaction.
        return SQLITE_CORRUPT;
    }
    if (rc == SQLITE_OK) {
        w->last_event = place->key;
        rc = insert_event(w, place, (int)before.status, run, t->actor, t->reason);
    }
    if (rc == SQLITE_OK && t->set_execution_state) {
        rc = replace_execution_state(w, place->run_key, t->execution_state);
    }
    return rc;
}

static int transition(struct write_ops *w, struct store_op *op) {
    struct store_transition *t = &op->transition;
    sqlite3_stmt *s = w->statements[SELECT_RUN];
    sqlite_bind_text(s, 1, t->organization);
    sqlite_bind_text(s, 2, t->id);
    int rc = sqlite3_step(s);
    if (rc != SQLITE_ROW) {
        sqlite3_reset(s);
        op->result = STORE_NOT_FOUND;
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    struct run_record run = {.sequence = 0};
    struct event_place place = {.run_key = run_row_read(op->arena, s, &run)};
    place.previous = sqlite3_column_int64(s, RUN_ROW_COLUMN_COUNT);
    sqlite3_reset(s);
    if (!run_row_status_is_sound((int)run.status)) {
        return SQLITE_CORRUPT;
    }

    rc = SQLITE_OK;
    op->result = STORE_CONFLICT;
    if ((RUN_STATUS_BIT(run.status) & t->from) != 0) {
        op->result = STORE_OK;
        rc = run.status != t->to ? with_event(w, t, &place, &run)
                                 : without_event(w, t, place.run_key, &run);
    }
    if (rc == SQLITE_OK) {
        rc = run_body_read(op->arena, w->statements[SELECT_BODY], place.run_key, &run);
    }
    if (rc == SQLITE_OK) {
        t->ret = run;
    }
    return rc;
}

static int create_token(struct write_ops *w, struct store_op *op) {
    sqlite3_stmt *s = w->statements[INSERT_TOKEN];
    token_bind(s, &op->token_create.in);
    int rc = run_statement(s);
    op->result = is_taken(rc) ? STORE_EXISTS : STORE_OK;
    return is_taken(rc) ? SQLITE_OK : rc;
}

static int revoke_token(struct write_ops *w, struct store_op *op) {
    struct store_token_revoke *r = &op->token_revoke;
    sqlite3_stmt *s = w->statements[REVOKE_TOKEN];
    sqlite_bind_text(s, 1, r->organization);
    sqlite_bind_text(s, 2, r->name);
    sqlite3_bind_int64(s, 3, r->at_us);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        op->result = STORE_OK;
        rc = token_read(op->arena, s, &r->ret) ? SQLITE_OK : SQLITE_CORRUPT;
    } else if (rc == SQLITE_DONE) {
        op->result = STORE_NOT_FOUND;
        rc = SQLITE_OK;
    }
    sqlite3_reset(s);
    return rc;
}

int write_ops_run(struct write_ops *w, struct store_op *op) {
    switch (op->kind) {
    case STORE_CREATE:
        return create_run(w, op);
    case STORE_TRANSITION:
        return transition(w, op);
    case STORE_TOKEN_CREATE:
        return create_token(w, op);
    case STORE_TOKEN_REVOKE:
        return revoke_token(w, op);
    default:
        CHECK_FAIL("no operation of this side");
    }
}

int write_ops_probe(struct write_ops *w) {
    // The same number again, but written.
    char set_version[64];
    snprintf(set_version, sizeof(set_version), "PRAGMA user_version=%d", SCHEMA_VERSION);
    return sqlite_run(w->db, set_version);
}
