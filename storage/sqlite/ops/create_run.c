#include "storage/op/create_run.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/family_check.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"
#include "storage/sqlite/workflow_row.h"

enum {
    SELECT_WORKFLOW,
    INSERT_WORKFLOW,
    SELECT_RUN,
    INSERT_RUN,
    INSERT_BODY,
    READ_RUN,
    SELECT_ANCESTOR,
};

// Finds the key of the run's workflow, which is new with its first run.
// SQLITE_CONSTRAINT_PRIMARYKEY if the run exists.
static int find_workflow(struct session *session, sqlite3_stmt *const *s,
                         const struct run_record *run, const struct run_id *id, int64_t *ret_key) {
    int rc = workflow_row_find(s[SELECT_WORKFLOW], run->organization, run->workflow_id, ret_key);
    if (rc != SQLITE_DONE) {
        return rc;
    }
    // A run that exists adds nothing.
    sqlite_bind_text(s[SELECT_RUN], 1, run->organization);
    run_id_bind(s[SELECT_RUN], 2, id);
    rc = sqlite3_step(s[SELECT_RUN]);
    sqlite3_reset(s[SELECT_RUN]);
    if (rc == SQLITE_DONE) {
        sqlite_bind_text(s[INSERT_WORKFLOW], 1, run->organization);
        sqlite_bind_text(s[INSERT_WORKFLOW], 2, run->workflow_id);
        rc = sqlite_step_once(s[INSERT_WORKFLOW]);
        *ret_key = sqlite3_last_insert_rowid(session->db);
    } else if (rc == SQLITE_ROW) {
        rc = SQLITE_CONSTRAINT_PRIMARYKEY;
    }
    return rc;
}

static int insert_run(sqlite3_stmt *s, const struct run_record *run, const struct run_id *id,
                      int64_t workflow_key, int64_t event_key) {
    sqlite_bind_text(s, 1, run->organization);
    run_id_bind(s, 2, id);
    sqlite3_bind_int64(s, 3, event_key);
    sqlite3_bind_int64(s, 4, workflow_key);
    sqlite3_bind_int(s, 5, (int)run->status);
    sqlite3_bind_int64(s, 6, run->started_at_us);
    sqlite3_bind_int64(s, 7, run->attempt);
    sqlite3_bind_int(s, 8, run_record_has_terms(run));
    run_row_bind_fields(s, 9, &run->fields);
    return sqlite_step_once(s);
}

static int insert_body(sqlite3_stmt *s, const struct run_record *run, int64_t run_key) {
    sqlite3_bind_int64(s, 1, run_key);
    sqlite_bind_blob(s, 2, run->spec);
    run_body_bind_fields(s, 3, &run->fields);
    return sqlite_step_once(s);
}

// Answers what was answered before, with the run of text as it is now, which is there.
static int replay(struct session *session, sqlite3_stmt *s, struct store_create_run *c,
                  struct slice text) {
    struct run_id id = run_id_of(text);
    struct run_row row;
    c->ret_revision = 0;
    c->ret_is_replayed = true;
    c->op.result = STORE_OK;
    int rc = run_read(session, c->op.arena, s, c->in.organization, &id, &c->ret, &row);
    return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

// Whether there is a run of id.
static int is_taken(sqlite3_stmt *s, struct slice organization, const struct run_id *id,
                    bool *ret) {
    sqlite_bind_text(s, 1, organization);
    run_id_bind(s, 2, id);
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    *ret = rc == SQLITE_ROW;
    return *ret || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Says in op's result whether the run may be a child of the one that it names: STORE_OK if so.
static int check_parent(struct session *session, sqlite3_stmt *const *s, struct store_create_run *c,
                        const struct run_id *id) {
    bool exists = false;
    int rc = family_check(session, s[SELECT_ANCESTOR], c);
    c->op.result = c->ret_parent == PARENT_SOUND ? STORE_OK : STORE_CONFLICT;
    if (rc == SQLITE_OK && c->op.result == STORE_CONFLICT) {
        rc = is_taken(s[SELECT_RUN], c->in.organization, id, &exists);
        c->op.result = exists ? STORE_EXISTS : STORE_CONFLICT;
    }
    return rc;
}

// Says in op's result whether the organization, which is read, may have the run: STORE_OK if so.
static int check_quota(struct session *session, sqlite3_stmt *const *s, struct store_create_run *c,
                       const struct run_record *run, const struct run_id *id,
                       struct organization **ret_which) {
    bool exists = false;
    int rc = organizations_find(session->organizations, c->in.organization, ret_which);
    if (rc != SQLITE_OK) {
        return rc;
    }
    const struct organization_head *head = &(*ret_which)->open;
    c->ret_use = (struct store_use){store_open_runs(head->runs), head->stored_bytes};
    c->ret_excess = store_quota_excess(&c->quota, &c->ret_use, run);
    c->op.result = STORE_OK;
    if (c->ret_excess != EXCESS_NONE) {
        rc = is_taken(s[SELECT_RUN], c->in.organization, id, &exists);
        c->op.result = exists ? STORE_EXISTS : STORE_OVER_QUOTA;
    }
    return rc;
}

static int create(struct session *session, sqlite3_stmt *const *s, struct store_create_run *c) {
    struct run_id id = run_id_of(c->in.id);
    c->ret_parent = PARENT_SOUND;
    c->ret_ancestor = SLICE_EMPTY;
    c->ret_excess = EXCESS_NONE;
    if (c->parent_id.len > 0) {
        int checked = check_parent(session, s, c, &id);
        if (checked != SQLITE_OK || c->op.result != STORE_OK) {
            return checked;
        }
    }
    struct run_record run = store_create_run_record(c, session->attempt_floor);
    struct organization *which;
    int rc = check_quota(session, s, c, &run, &id, &which);
    if (rc != SQLITE_OK || c->op.result != STORE_OK) {
        return rc;
    }
    // The key of the run is that of its first event.
    int64_t key = event_row_next(&session->events);
    int64_t workflow_key = 0;
    rc = find_workflow(session, s, &run, &id, &workflow_key);
    if (rc == SQLITE_OK) {
        rc = insert_run(s[INSERT_RUN], &run, &id, workflow_key, key);
    }
    if (rc == SQLITE_CONSTRAINT_PRIMARYKEY) {
        c->op.result = STORE_EXISTS;
        return SQLITE_OK;
    }
    if (rc == SQLITE_OK) {
        rc = insert_body(s[INSERT_BODY], &run, key);
    }
    if (rc == SQLITE_OK) {
        rc =
            family_rows_add(&session->families, c->op.arena, c->in.organization, &id, c->parent_id);
    }
    if (rc == SQLITE_OK && run_record_has_terms(&run)) {
        rc = term_rows_insert(&session->terms, key, workflow_key, &id, &run);
    }
    if (rc == SQLITE_OK) {
        struct event_source source = {
            .kind = STORE_EVENT_CREATION,
            .id = &id,
            .workflow_key = workflow_key,
            .holder = c->in.holder,
            .cause = &c->cause,
            .idempotency = &c->idempotency,
            .opens = run_record_is_open(&run),
        };
        rc = event_row_append(&session->events, &run, &source, &c->ret_revision);
    }
    if (rc == SQLITE_OK) {
        c->ret = run;
        c->ret.workflow_id = SLICE_EMPTY;
        c->ret_is_replayed = false;
        organizations_store(session->organizations, which, (int64_t)run.spec.len);
        key_rows_note_event(&session->keys, &c->idempotency, key);
        c->op.result = STORE_OK;
    }
    return rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_create_run *c = CONTAINER_OF(op, struct store_create_run, op);
    struct slice id;
    enum idempotency_match match;
    int rc = key_rows_find(&session->keys, op->arena, &c->idempotency, &match, &id);
    if (rc == SQLITE_OK && match == IDEMPOTENCY_NEW) {
        return create(session, s, c);
    }
    if (rc == SQLITE_OK && match == IDEMPOTENCY_SAME) {
        return replay(session, s[READ_RUN], c, id);
    }
    op->result = STORE_KEY_REUSED;
    return rc;
}

const struct sqlite_op sqlite_create_run = {
    .sql =
        {
            [SELECT_WORKFLOW] = WORKFLOW_ROW_FIND_SQL,
            [INSERT_WORKFLOW] = "INSERT INTO workflow(organization, id) VALUES(?1, ?2)",
            [SELECT_RUN] = "SELECT 1 FROM run WHERE organization=?1 AND id=?2",
            // ?3 is the key of the run and of its event, ?6 when it started.
            [INSERT_RUN] =
                "INSERT INTO run(organization, id, run_key, workflow_key, status,"
                " started_at, updated_at, sequence, newest_event,"
                " attempt, has_terms, " RUN_ROW_FIELD_NAMES
                ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6, 1, ?3, ?7, ?8, " RUN_ROW_FIELD_MARKS ")",
            [INSERT_BODY] = "INSERT INTO run_body(run_key, spec, " RUN_BODY_FIELD_NAMES
                            ") VALUES(?1, ?2, " RUN_BODY_FIELD_MARKS ")",
            [READ_RUN] = RUN_READ_SQL,
            [SELECT_ANCESTOR] = FAMILY_CHECK_SQL,
        },
    .run = run,
};
