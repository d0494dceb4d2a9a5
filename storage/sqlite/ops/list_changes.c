#include "storage/op/list_changes.h"

#include "storage/sqlite/connection.h"
#include "storage/sqlite/event_row.h"
#include "storage/sqlite/feed_chain.h"
#include "storage/sqlite/run_row.h"
#include "storage/sqlite/session.h"
#include "storage/sqlite/sqlite_op.h"

enum { SELECT_MARK, SELECT_LINK, SELECT_EVENT, SELECT_WORKFLOW, SELECT_RUN };

// The columns of SELECT_EVENT before those of the event.
enum { IS_OURS, PREVIOUS, ID, WORKFLOW_KEY, FIRST_OF_EVENT };

// Reads the change at place, which is moved to the one before it, and its workflow's key.
static int read_change(struct store_list_changes *c, sqlite3_stmt *s, struct feed_place *place,
                       struct store_change *ret, int64_t *ret_workflow_key) {
    sqlite3_bind_int64(s, 1, place->event);
    sqlite_bind_text(s, 2, c->organization);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        ret->event = event_row_read(c->op.arena, s, FIRST_OF_EVENT);
        ret->run_id = run_id_column(c->op.arena, s, ID);
        *ret_workflow_key = sqlite3_column_int64(s, WORKFLOW_KEY);
        bool is_sound =
            sqlite3_column_int(s, IS_OURS) == 1 && ret->event.revision == place->revision;
        *place = (struct feed_place){place->revision - 1, sqlite3_column_int64(s, PREVIOUS)};
        rc = is_sound ? SQLITE_OK : SQLITE_CORRUPT;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_CORRUPT;
    }
    sqlite3_reset(s);
    return rc;
}

// Reads all changes that are to be returned, from the last one back, and the keys of their
// workflows.
static int read_changes(struct store_list_changes *c, sqlite3_stmt *const *s,
                        const struct organization_head *head, int64_t **ret_workflow_keys) {
    struct feed_place newest = {head->revision, head->event};
    struct feed_place place;
    int rc = feed_chain_find(s[SELECT_MARK], s[SELECT_LINK], c->organization, &newest,
                             c->after_revision + c->ret_count, &place);
    c->ret_changes = ARENA_ARRAY(c->op.arena, struct store_change, c->ret_count);
    *ret_workflow_keys = ARENA_ARRAY(c->op.arena, int64_t, c->ret_count);
    for (int i = c->ret_count - 1; rc == SQLITE_OK && i >= 0; i--) {
        rc = read_change(c, s[SELECT_EVENT], &place, &c->ret_changes[i], &(*ret_workflow_keys)[i]);
    }
    return rc;
}

// What is missing beside the event of revision went with a deletion, if the floor has risen to it
// meanwhile. Returns SQLITE_CORRUPT if it has not.
static int judge_missing(struct session *session, const struct store_list_changes *c,
                         int64_t revision) {
    struct organization_head now = {.floor = 0};
    int rc = organizations_peek(session->organizations, c->organization, &now)
                 ? SQLITE_OK
                 : organizations_read_head(session->select_head, c->organization, &now);
    return rc == SQLITE_OK && revision > now.floor ? SQLITE_CORRUPT : rc;
}

static int read_workflow(struct session *session, struct store_list_changes *c, sqlite3_stmt *s,
                         struct store_change *change, int64_t workflow_key) {
    struct run_id id = run_id_of(change->run_id);
    sqlite_bind_text(s, 1, c->organization);
    run_id_bind(s, 2, &id);
    sqlite3_bind_int64(s, 3, workflow_key);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        change->workflow_id = sqlite_column_slice(c->op.arena, s, 0);
        rc = SQLITE_OK;
    }
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? judge_missing(session, c, change->event.revision) : rc;
}

static int read_run(struct session *session, struct store_list_changes *c, sqlite3_stmt *s,
                    struct store_change *change) {
    struct run_id id = run_id_of(change->run_id);
    struct run_row row;
    int rc = run_read_whole(session, c->op.arena, s, c->organization, &id, &change->run, &row);
    if (rc != SQLITE_DONE) {
        return rc;
    }
    return change->event.kind == STORE_EVENT_DELETION
               ? SQLITE_OK
               : judge_missing(session, c, change->event.revision);
}

// Reads what is asked for beside the event. Its run may be gone: by the event, or since, for the
// snapshot may be another one than that of the event.
static int read_around(struct session *session, struct store_list_changes *c,
                       sqlite3_stmt *const *s, struct store_change *change, int64_t workflow_key) {
    int rc = SQLITE_OK;
    if (c->with_workflow) {
        rc = read_workflow(session, c, s[SELECT_WORKFLOW], change, workflow_key);
    }
    return rc == SQLITE_OK && c->with_runs ? read_run(session, c, s[SELECT_RUN], change) : rc;
}

// Reads what is asked for beside the events, and leaves out the changes that are too much.
static int read_all_around(struct session *session, struct store_list_changes *c,
                           sqlite3_stmt *const *s, const int64_t *workflow_keys) {
    size_t bytes = 0;
    int rc = SQLITE_OK;
    int count = 0;
    while (rc == SQLITE_OK && count < c->ret_count && bytes < STORE_CHANGES_BYTES) {
        rc = read_around(session, c, s, &c->ret_changes[count], workflow_keys[count]);
        bytes += store_change_bytes(&c->ret_changes[count]);
        count++;
    }
    c->ret_count = count;
    return rc;
}

static int run(struct session *session, sqlite3_stmt *const *s, struct store_op *op) {
    struct store_list_changes *c = CONTAINER_OF(op, struct store_list_changes, op);
    struct organization_head head;
    int64_t *workflow_keys = NULL;
    int rc = session_read_head(session, c->organization, &head);
    if (rc != SQLITE_OK) {
        return rc;
    }
    op->result = store_list_changes_begin(c, head.revision, head.floor);
    if (c->ret_count > 0) {
        rc = read_changes(c, s, &head, &workflow_keys);
    }
    return rc == SQLITE_OK ? read_all_around(session, c, s, workflow_keys) : rc;
}

const struct sqlite_op sqlite_list_changes = {
    .sql =
        {
            [SELECT_MARK] = FEED_MARK_SQL,
            [SELECT_LINK] = FEED_LINK_SQL,
            [SELECT_EVENT] =
                "SELECT e.organization=?2, e.previous_of_organization, e.id,"
                " e.workflow_key, " EVENT_ROW_COLUMNS " FROM event AS e WHERE e.event_key=?1",
            // ?3 its key, or 0: then it is that of the run ?1, ?2.
            [SELECT_WORKFLOW] = "SELECT id FROM workflow WHERE workflow_key=coalesce(nullif(?3, 0),"
                                " (SELECT workflow_key FROM run WHERE organization=?1 AND id=?2))",
            [SELECT_RUN] = RUN_READ_SQL,
        },
    .run = run,
};
